"""The style sheets as one file: a browser that asks for forty waits for forty."""

import re
from typing import Any

from django.core.files.base import ContentFile, File
from whitenoise.storage import CompressedManifestStaticFilesStorage

SHEET = "css/app.css"
IMPORT = re.compile(r'@import url\("([\w-]+\.css)"\) layer\((\w+)\);')


def in_one(files: Any, path: str) -> File:
    """Open a sheet with what it imports into layers in the place of each import.

    `files` is the storage that it lies in. The addresses in it still lead to where they led: all
    sheets lie in one folder.
    """

    def text_of(name: str) -> str:
        with files.open(name) as file:
            return str(file.read().decode())

    def imported(found: re.Match[str]) -> str:
        return f"@layer {found[2]} {{\n{text_of(f'{folder}/{found[1]}')}}}"

    folder = path.rpartition("/")[0]
    return ContentFile(IMPORT.sub(imported, text_of(path)).encode())


class OneSheet(CompressedManifestStaticFilesStorage):
    """What collectstatic hands to WhiteNoise: hashed, compressed, and one style sheet."""

    def post_process(self, paths: dict[str, Any], *given: Any, **options: Any) -> Any:
        if SHEET in paths:
            files, path = paths[SHEET]
            paths = paths | {SHEET: (_InOne(files), path)}
        yield from super().post_process(paths, *given, **options)


class _InOne:
    """A storage whose sheet is opened in one."""

    def __init__(self, files: Any) -> None:
        self._files = files

    def open(self, path: str) -> File:
        return in_one(self._files, path)
