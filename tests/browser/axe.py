"""What axe-core finds in a page as it is shown now."""

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

GRAVE = ("serious", "critical")
LESSER = "grave => axe._audit.rules.filter(it => !grave.includes(it.impact)).map(it => it.id)"


def found(page: Page, *rules: str, part: str = "html", without: str = "") -> list[str]:
    """Run axe, or only some of its rules, and return what is serious or critical.

    `without` names what was looked at before and is the same on every page.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    options: dict[str, Any] = {
        "resultTypes": ["violations"],
        "iframes": False,
        # It would ask for the style sheets again.
        "preload": False,
        "rules": {
            # Rules that find nothing grave are not asked.
            **{rule: {"enabled": False} for rule in page.evaluate(LESSER, list(GRAVE))},
            # Off unless asked for: nothing to press is under 24 px, or it has room around it.
            "target-size": {"enabled": True},
        },
    }
    if rules:
        options["runOnly"] = {"type": "rule", "values": list(rules)}
        del options["rules"]
    where = {"include": [[part]], "exclude": [[without]] if without else []}
    result = page.evaluate("([where, options]) => axe.run(where, options)", [where, options])
    return [
        f"{violation['id']}: {' '.join(map(str, node['target']))} – {_why(node)}"
        for violation in result["violations"]
        for node in violation["nodes"]
        if (node["impact"] or violation["impact"]) in GRAVE
    ]


def _why(node: dict[str, Any]) -> str:
    checks = node["any"] + node["all"] + node["none"]
    return "; ".join(check["message"] for check in checks) or node["html"]


def in_both_themes(page: Page, where: str, part: str = "html", without: str = "") -> list[str]:
    """Look at the page in light, and once more at its colours in dark."""
    page.emulate_media(color_scheme="light")
    light = found(page, part=part, without=without)
    page.emulate_media(color_scheme="dark")
    dark = found(page, "color-contrast", "link-in-text-block", part=part, without=without)
    page.emulate_media(color_scheme="light")
    return [f"{where}, light: {fault}" for fault in light] + [
        f"{where}, dark: {fault}" for fault in dark
    ]
