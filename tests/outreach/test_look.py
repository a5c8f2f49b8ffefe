"""What the look promises and a machine can hold it to."""

import re
from pathlib import Path

import pytest
from django.conf import settings

from outreach.context import NAV, THEMES
from outreach.templatetags.shell import STATUS_ICONS

STATIC = Path(settings.BASE_DIR) / "static"
TEMPLATES = Path(settings.BASE_DIR) / "templates"
PAGES = sorted(TEMPLATES.rglob("*.html"))
TOKENS = (STATIC / "css/tokens.css").read_text()
CHIPS = ["pending", "approved", "active", "paused", "positive", "objection", "complete", "archived"]
TEXTS = [
    ("ink", "paper"), ("ink-2", "ground"), ("ink-3", "paper"), ("ink-3", "ground"),
    ("accent", "paper"), ("accent-ink", "accent"), ("accent", "accent-soft"),
    ("danger", "paper"), ("danger-ink", "danger"), ("danger", "danger-soft"),
    ("warn", "warn-soft"), ("ai", "ai-soft"), ("inverse-ink", "inverse"),
]  # fmt: skip


def token(name: str) -> list[str]:
    found = re.search(rf"--{name}: light-dark\((#\w{{6}}), (#\w{{6}})\);", TOKENS)
    assert found, f"tokens.css has no --{name} for both themes"
    return list(found.groups())


def luminance(colour: str) -> float:
    def linear(part: float) -> float:
        return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("pair", [(f"{chip}-ink", chip) for chip in CHIPS] + TEXTS)
def test_text_can_be_read_in_both_themes(pair):
    for text, surface in zip(*map(token, pair), strict=True):
        assert contrast(text, surface) >= 4.5


def test_only_the_tokens_know_light_from_dark():
    files = (STATIC / "css").glob("*.css")

    assert [file.name for file in files if "light-dark(" in file.read_text()] == ["tokens.css"]


def test_every_stylesheet_is_part_of_the_whole():
    imported = set(re.findall(r'url\("([\w-]+\.css)"\)', (STATIC / "css/app.css").read_text()))

    assert imported == {file.name for file in (STATIC / "css").glob("*.css")} - {"app.css"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TEMPLATES)))
def test_pages_keep_the_content_security_policy(page):
    text = page.read_text()

    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"<style\b|\sstyle=|\son[a-z]+=", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TEMPLATES)))
def test_every_icon_is_in_the_sprite(page):
    asked = set(re.findall(r'{% icon "([\w-]+)"', page.read_text()))

    assert asked <= sprite()


def test_every_icon_of_the_code_is_in_the_sprite():
    assert set(STATUS_ICONS.values()) <= sprite()
    assert {place.icon for place in NAV} | {picture for _, _, picture in THEMES} <= sprite()


def sprite() -> set[str]:
    return set(re.findall(r'<symbol id="([\w-]+)"', (STATIC / "img/icons.svg").read_text()))
