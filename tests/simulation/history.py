"""What happened, line by line: all of it in one digest, the last of it word for word."""

from collections import deque
from hashlib import sha256

# Months of one seed; of decades only the end is kept.
KEPT = 30_000


class History:
    """The events of one seed; a line holds no ids and no order of sets."""

    def __init__(self) -> None:
        self.lines: deque[str] = deque(maxlen=KEPT)
        self.count = 0
        self._hash = sha256()

    @property
    def digest(self) -> str:
        """Return what tells two histories apart."""
        return self._hash.hexdigest()

    def add(self, line: str) -> None:
        self.lines.append(line)
        self.count += 1
        self._hash.update(f"{line}\n".encode())
