// Single-key shortcuts, declared where they act: <button data-key="a" data-key-label="Approve">.
// Never while typing, on repeat, or with Ctrl, Cmd or Alt; off with <html data-shortcuts="off">.
let first = "";
let timer = 0;
const TYPING = "input:not([type=checkbox], [type=radio], [type=button], [type=submit]), textarea, select, [contenteditable]";

const scope = () => [...document.querySelectorAll("dialog[open]")].pop() ?? document;
const usable = (element) => element.checkVisibility() && !element.disabled && !element.closest("[inert]");

function find(key) {
  const inside = scope();
  const all = [...inside.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)].filter(usable);
  const row = document.activeElement?.closest?.("[data-row]") ?? inside.querySelector("[data-row].current");
  return all.filter((element) => row?.contains(element))[0]
    ?? all.filter((element) => !element.closest("[data-row]")).pop();
}

function act(element) {
  if (element.closest(".htmx-settling")) {
    // Just swapped in: htmx knows its links and forms in a moment.
    return document.addEventListener("htmx:afterSettle", () => act(element), { once: true });
  }
  if (element.matches("input:not([type=checkbox]), textarea, select")) {
    element.focus();
    element.select?.();
  } else if (element.matches("form")) element.requestSubmit();
  else element.click();
}

document.addEventListener("keydown", (event) => {
  if (event.key === "F6") {
    const newest = [...document.querySelectorAll("#toasts .toast")].pop();
    const button = newest?.querySelector("button");
    if (!button) return;
    event.preventDefault();
    return button.focus();
  }
  const off = document.documentElement.dataset.shortcuts === "off";
  if (off || event.repeat || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
  if (event.target.closest?.(TYPING) || event.key.length !== 1 || event.key === " ") return;
  const key = first ? `${first} ${event.key}` : event.key;
  first = "";
  clearTimeout(timer);
  if (key === "g") {
    first = "g";
    timer = setTimeout(() => { first = ""; }, 1200);
    return;
  }
  const element = find(key);
  if (element) {
    event.preventDefault();
    return act(element);
  }
  if (key === "?") {
    event.preventDefault();
    return help();
  }
  document.dispatchEvent(new CustomEvent("shortcut", { detail: { key } }));
});

// The page's own keys, then those of the rows, then the sidebar's.
const ALWAYS = [["?", "Show these keys"], ["Esc", "Close what is open"], ["F6", "Go to the last message"]];
const ROWS = [["j", "Next row"], ["k", "Previous row"], ["Enter", "Open the row"], ["x", "Select the row"]];

function help() {
  const dialog = document.getElementById("keys");
  const list = document.getElementById("keys-list");
  if (!dialog || dialog.open) return;
  const known = new Map();
  for (const element of scope().querySelectorAll("[data-key]")) {
    if (!usable(element)) continue;
    const label = element.dataset.keyLabel || element.getAttribute("aria-label") || element.textContent.trim();
    if (!known.has(element.dataset.key)) known.set(element.dataset.key, label);
  }
  if (scope().querySelector("[data-row]")) for (const [key, label] of ROWS) if (!known.has(key)) known.set(key, label);
  for (const [key, label] of ALWAYS) known.set(key, label);
  list.replaceChildren(...[...known].map(([key, label]) => line(key, label)));
  dialog.showModal();
}

function line(key, label) {
  const part = document.createElement("div");
  const name = Object.assign(document.createElement("dt"), { textContent: label });
  const value = document.createElement("dd");
  value.append(...key.split(" ").map((one) => Object.assign(document.createElement("kbd"), { textContent: one })));
  part.append(name, value);
  return part;
}
document.querySelector("[data-open-dialog=keys]")?.addEventListener("click", (event) => {
  event.stopPropagation();
  help();
});
