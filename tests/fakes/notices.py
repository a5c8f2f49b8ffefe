"""Notifications that something came in, as the providers post them: late, twice, in any order."""

import secrets
from typing import Any

import requests

SECONDS = 5


class Post:
    """What waits to be told, until somebody lets it be delivered."""

    def __init__(self) -> None:
        self.waiting: list[tuple[str, dict[str, Any], dict[str, str]]] = []

    def add(self, url: str, notice: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        if url:
            self.waiting.append((url, notice, headers or {}))

    def repeats(self, url: str) -> bool:
        """Whether whoever listens there repeats a word as it is, as Microsoft asks them to."""
        word = f"Validation: {secrets.token_hex(4)} <b>"
        try:
            answer = requests.post(url, params={"validationToken": word}, timeout=SECONDS)
        except requests.RequestException:
            return False
        kind = answer.headers.get("Content-Type", "")
        return answer.status_code == 200 and kind.startswith("text/plain") and answer.text == word

    def deliver(self, *, times: int = 1, backwards: bool = False) -> list[int]:
        """Tell everything that waits, so many times each; what was answered."""
        waiting, self.waiting = self.waiting, []
        told = waiting[::-1] if backwards else waiting
        return [
            requests.post(url, json=notice, headers=headers, timeout=SECONDS).status_code
            for _ in range(times)
            for url, notice, headers in told
        ]
