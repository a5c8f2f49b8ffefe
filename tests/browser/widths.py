"""What makes a page scroll sideways on a phone."""

from playwright.sync_api import Page

# Looked at on the smallest screen too, which is what a zoom of 400 % leaves of a large one.
SMALLEST = ("active", "drawer", "drawer, editing", "review", "prospect", "contacts", "contact")
SMALLEST += ("deals", "deals, one")
SMALLEST += ("overview", "steps of a draft", "sequence settings", "import checked", "enroll a list")
SMALLEST += (
    "deals",
    "mailboxes",
    "caught mail",
    "settings",
    "members",
    "profile",
    "sign in",
    "opt out",
)

# Names what is too wide, unless something around it scrolls by itself.
TOO_WIDE = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  const wide = [...document.querySelectorAll("body *")].filter(
    (it) => it.checkVisibility() && it.getBoundingClientRect().right > width + 1);
  return wide.slice(0, 5)
    .map((it) => `${it.tagName}.${it.className} ${it.textContent.trim().slice(0, 40)}`)
    .concat(`scrolls to ${document.documentElement.scrollWidth} of ${width}`);
}"""
# The drawer scrolls by itself.
DRAWER_TOO_WIDE = """() => {
  const drawer = document.querySelector("dialog.drawer[open]");
  return drawer && drawer.scrollWidth > drawer.clientWidth ? ["the drawer scrolls sideways"] : [];
}"""


def too_wide(page: Page, name: str) -> list[str]:
    found = []
    for width in (390, 320) if name in SMALLEST else (390,):
        page.set_viewport_size({"width": width, "height": 844})
        wide = page.evaluate(TOO_WIDE) + page.evaluate(DRAWER_TOO_WIDE)
        found += [f"{name} at {width}: {what}" for what in wide]
    return found
