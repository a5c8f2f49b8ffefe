// The focus is never lost to the body: after a swap it goes to what took the old place, or next to it.
let trail = [];
let row = -1;

document.addEventListener("htmx:beforeSwap", () => {
  const here = document.activeElement;
  if (!here || here === document.body) return;
  const list = here.closest("tbody, ol, ul, .grid");
  const item = here.closest("[data-row], li, .tile");
  row = list && item ? [...list.children].indexOf(item) : -1;
  trail = [
    here.id && `#${CSS.escape(here.id)}`,
    here.name && here.form?.id && `#${CSS.escape(here.form.id)} [name="${CSS.escape(here.name)}"]`,
    item?.id && `#${CSS.escape(item.id)}`,
    list?.id && `#${CSS.escape(list.id)}`,
    here.closest("[data-region]")?.id && `#${CSS.escape(here.closest("[data-region]").id)}`,
  ].filter(Boolean);
});

document.addEventListener("htmx:afterSettle", (event) => {
  const wanted = event.detail.target?.querySelector?.("[data-autofocus]");
  if (wanted && !event.detail.target.contains(document.activeElement)) return wanted.focus();
  settle();
});
document.addEventListener("focus:lost", settle);

function settle() {
  if (document.activeElement && document.activeElement !== document.body) return;
  const dialog = [...document.querySelectorAll("dialog[open]")].pop();
  const scope = dialog ?? document;
  for (const selector of trail) {
    const found = scope.querySelector(selector);
    const place = found?.matches("tbody, ol, ul, .grid, [data-region]") ? inside(found) : found && able(found);
    if (place) return place.focus({ preventScroll: true });
  }
  const last = dialog ? dialog.querySelector("h2, button, a") : document.querySelector("#main");
  if (last && !last.matches("a, button, [tabindex]")) last.tabIndex = -1;
  last?.focus({ preventScroll: true });
}

// The item that is now where the old one was, else the last one.
function inside(list) {
  const items = list.matches("tbody, ol, ul, .grid") ? [...list.children] : [...list.querySelectorAll("[data-row]")];
  const item = items[Math.min(Math.max(row, 0), items.length - 1)];
  return item && able(item);
}

function able(element) {
  if (element.matches("a[href], button, input, select, textarea, summary, [tabindex]")) return element;
  return element.querySelector("[data-open]") ?? element.querySelector("a[href], button, input:not([type=hidden]), select, textarea, summary");
}
