"""Tables as files to download."""

import csv
from collections.abc import Iterator
from urllib.parse import quote

from django.http import StreamingHttpResponse


class _Echo:
    """A file whose lines are handed on as they are written."""

    def write(self, text: str) -> str:
        return text


def csv_file(name: str, rows: Iterator[list[str]], delimiter: str = ",") -> StreamingHttpResponse:
    """Answer with a CSV file that is written while it is read."""
    writer = csv.writer(_Echo(), delimiter=delimiter)

    def lines() -> Iterator[str]:
        # Excel reads UTF-8 only with the mark.
        yield "\ufeff"
        for row in rows:
            yield writer.writerow(row)

    answer = StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}"
    return answer
