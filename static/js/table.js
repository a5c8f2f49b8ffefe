// Rows: a click anywhere opens, keys move, modified clicks go to the row's page, leaving rows fade.
const rows = () => [...document.querySelectorAll("#main [data-row]:not(.leaving)")];
const link = (row) => row.querySelector("[data-open], a[href]");
const OWN = "a, button, input, label, select, textarea, summary, details, [contenteditable]";

function rowOf(event) {
  const row = event.target.closest?.("[data-row]");
  if (!row || event.target.closest(OWN) || String(getSelection())) return null;
  return row;
}

document.addEventListener("click", (event) => {
  const row = rowOf(event);
  if (!row) return;
  const target = link(row);
  if (event.ctrlKey || event.metaKey || event.shiftKey) window.open(target.href, "_blank", "noopener");
  else target.click();
});
document.addEventListener("auxclick", (event) => {
  const row = event.button === 1 && rowOf(event);
  if (row) window.open(link(row).href, "_blank", "noopener");
});

function move(step) {
  const all = rows();
  if (!all.length || document.querySelector("dialog[open]")) return;
  const focused = document.activeElement?.closest?.("[data-row]");
  const from = all.indexOf(focused ?? document.querySelector("[data-row].current"));
  const row = all[Math.min(all.length - 1, Math.max(0, from === -1 ? 0 : from + step))];
  for (const other of all) other.classList.toggle("current", other === row);
  link(row).focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}
document.addEventListener("shortcut", (event) => {
  if (event.detail.key === "j") move(1);
  if (event.detail.key === "k") move(-1);
});
document.addEventListener("focusin", (event) => {
  const row = event.target.closest?.("#main [data-row]");
  if (!row) return;
  for (const other of rows()) other.classList.toggle("current", other === row);
});

// A row that no longer belongs to this view says so with data-leaving: it fades, focus goes on.
document.addEventListener("htmx:afterSettle", () => {
  for (const row of document.querySelectorAll("[data-row][data-leaving]:not(.leaving)")) {
    const next = row.nextElementSibling ?? row.previousElementSibling;
    const had = row.contains(document.activeElement);
    row.inert = true;
    setTimeout(() => row.classList.add("leaving"), 500);
    setTimeout(() => row.remove(), 760);
    const place = next && link(next);
    if (had && place) place.focus({ preventScroll: true });
    else if (had) document.getElementById("main").focus({ preventScroll: true });
  }
});
