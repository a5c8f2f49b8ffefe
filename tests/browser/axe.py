"""What axe-core finds in a page as it is shown now."""

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

GRAVE = ("serious", "critical")
COLOURS = ("color-contrast", "link-in-text-block")
RUN = """([where, options, grave]) => {
  if (!options.runOnly) {
    // Rules that find nothing grave are not asked.
    const lesser = axe._audit.rules.filter((it) => !grave.includes(it.impact));
    options.rules = Object.fromEntries(lesser.map((it) => [it.id, { enabled: false }]));
    // Off unless asked for: nothing to press is under 24 px, or it has room around it.
    options.rules["target-size"] = { enabled: true };
  }
  return axe.run(where, options);
}"""

# Marks what is made and shown like a part that was looked at before, in a place like its own, but
# for its words and addresses; returns what is known then. What a rule may ask of the surroundings
# counts: siblings, labels, what is named by id, colours, whether it is seen, covered or scrolls.
MARK = """known => {
  const modal = document.querySelector("dialog:modal");
  const ids = Map.groupBy(document.querySelectorAll("[id]"), (it) => it.id);
  const shape = (text) => text.trim().replace(/\\S+/g, "x").replace(/x( x)+/g, "x x");
  const words = (it) => shape(it.textContent);
  const attribute = ({ name, value }) => {
    if (/^(href|src|action|formaction|value|datetime|hx-.*)$/.test(name)) return name + !!value;
    if (/^(aria-label|title|alt|placeholder)$/.test(name)) return name + shape(value);
    if (/^aria-(labelledby|describedby|controls|owns)$/.test(name))
      return name + value.split(" ").map((id) => ids.get(id)?.map(words));
    return name + value.replace(/\\d+/g, "0");
  };
  const own = new Map();
  const whole = new Map();
  const read = (it) => {
    const { color, backgroundColor, fontSize, fontWeight, opacity } = getComputedStyle(it);
    own.set(it, [
      "<" + it.tagName, ...[...it.attributes].map(attribute), color, backgroundColor, fontSize,
      fontWeight, opacity, it.checkVisibility(), modal && !modal.contains(it),
      [...(it.labels ?? [])].map(words), ids.get(it.id)?.length,
      it.scrollWidth > it.clientWidth, it.scrollHeight > it.clientHeight,
    ].join(" "));
    const inside = [...it.childNodes].map((child) =>
      child instanceof Element ? read(child) : child instanceof Text ? shape(child.data) : "");
    whole.set(it, own.get(it) + inside.join("") + ">");
    return whole.get(it);
  };
  read(document.body);

  const short = (text) => {
    let [one, two] = [5381, 52711];
    for (let at = 0; at < text.length; at += 1) {
      one = Math.imul(one, 33) ^ text.charCodeAt(at);
      two = Math.imul(two, 31) + text.charCodeAt(at);
    }
    return `${one} ${two}`;
  };
  const seen = new Set(known.split("\\n"));
  const fresh = [];
  const walk = (parent, place) => {
    const here = place + own.get(parent);
    const among = here + [...parent.children].map((it) => own.get(it)).join("");
    for (const it of parent.children) {
      const key = short(among + "|" + whole.get(it));
      if (seen.has(key)) {
        it.setAttribute("data-looked-at", "");
      } else {
        seen.add(key);
        fresh.push(key);
        walk(it, here);
      }
    }
  };
  walk(document.body, "");
  return known + fresh.join("\\n") + "\\n";
}"""
UNMARK = """() => document.querySelectorAll("[data-looked-at]")
  .forEach((it) => it.removeAttribute("data-looked-at"))"""


def found(page: Page, *rules: str, part: str = "html", without: str = "") -> list[str]:
    """Run axe, or only some of its rules, and return what is serious or critical."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    options: dict[str, Any] = {
        "reporter": "no-passes",
        "iframes": False,
        # It would ask for the style sheets again.
        "preload": False,
    }
    if rules:
        options["runOnly"] = {"type": "rule", "values": list(rules)}
    where = {"include": [[part]], "exclude": [[without]] if without else []}
    result = page.evaluate(RUN, [where, options, list(GRAVE)])
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
    dark = found(page, *COLOURS, part=part, without=without)
    page.emulate_media(color_scheme="light")
    return [f"{where}, light: {fault}" for fault in light] + [
        f"{where}, dark: {fault}" for fault in dark
    ]


class Eyes:
    """Looks at pages one after the other, on one screen, and at what is alike only once."""

    def __init__(self) -> None:
        # A line each: a list would be taken apart on its way to the page.
        self.known = ""

    def found(self, page: Page) -> list[str]:
        return found(page, without=self._marked(page))

    def in_both_themes(self, page: Page, where: str) -> list[str]:
        return in_both_themes(page, where, without=self._marked(page))

    def _marked(self, page: Page) -> str:
        page.evaluate(UNMARK)
        self.known = page.evaluate(MARK, self.known)
        return "[data-looked-at]"
