"""The style sheets are served as one: it says what they say."""

from playwright.sync_api import Page

# Fetched anew, with every import by itself, and flattened: a layer's name and its rules.
READ = """async (address) => {
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = address;
  await new Promise((done) => { link.onload = done; document.head.append(link); });
  return [...link.sheet.cssRules].map((rule) => rule instanceof CSSImportRule
    ? [rule.layerName, ...[...rule.styleSheet.cssRules].map((it) => it.cssText)]
    : [rule.name ?? "", ...[...(rule.cssRules ?? [rule])].map((it) => it.cssText)]);
}"""


def test_one_sheet_says_what_forty_say(page: Page) -> None:
    page.goto("/accounts/password/change/")

    in_one = page.evaluate(READ, "/static/css/app.css")
    as_they_are = page.evaluate(READ, "/static/css/app.css?as-it-is")

    assert len(in_one) > 40
    assert in_one == as_they_are
