// Selecting rows: tri-state head, shift for a range, kept while paging, "all matching" as a second step.
//   <form id="bulk" class="bulk" data-bulk data-scope="status=active" hidden> … rows: <input type="checkbox" data-pick name="ids" value="42" form="bulk">
const bar = () => document.querySelector("[data-bulk]");
const boxes = () => [...document.querySelectorAll("[data-pick]")];
let last = null;

const key = () => `picked ${location.pathname} ${bar()?.dataset.scope ?? ""}`;
const read = () => new Set(JSON.parse(sessionStorage.getItem(key()) ?? "[]"));
const write = (picked) => sessionStorage.setItem(key(), JSON.stringify([...picked]));
const isAll = () => sessionStorage.getItem(`${key()} all`) === "yes";
const setAll = (on) => on ? sessionStorage.setItem(`${key()} all`, "yes") : sessionStorage.removeItem(`${key()} all`);

function show() {
  const form = bar();
  cover(form);
  if (!form) return;
  const all = isAll();
  const picked = all ? new Set() : read();
  const here = boxes();
  for (const box of here) box.checked = all || picked.has(box.value);
  const on = here.filter((box) => box.checked).length;
  const head = document.querySelector("[data-pick-all]");
  if (head) {
    head.checked = on > 0 && on === here.length;
    head.indeterminate = on > 0 && on < here.length;
  }
  const matching = form.querySelector("[name=matching]");
  if (matching) matching.value = all ? "1" : "";
  const total = Number(form.dataset.total ?? 0);
  const count = all ? total : picked.size;
  form.hidden = count === 0;
  form.querySelector("[data-bulk-said]").textContent = `${all ? "All " : ""}${count.toLocaleString()} selected`;
  for (const part of form.querySelectorAll("[data-count]")) part.textContent = count.toLocaleString();
  const offer = form.querySelector("[data-pick-matching]");
  if (offer) offer.hidden = all || on !== here.length || total <= picked.size;
  form.querySelectorAll("input[data-elsewhere]").forEach((field) => field.remove());
  const shown = new Set(here.map((box) => box.value));
  for (const value of picked) {
    if (shown.has(value)) continue;
    const field = Object.assign(document.createElement("input"), { type: "hidden", name: here[0]?.name ?? "ids", value });
    field.dataset.elsewhere = "";
    form.append(field);
  }
  cover(form);
}

// The bar lies over the tools of the table: what is under it takes no focus.
function cover(form) {
  const toolbar = document.querySelector(".toolbar");
  const depth = form && !form.hidden ? -parseFloat(getComputedStyle(form).marginBlockStart) : 0;
  for (const part of toolbar?.children ?? []) {
    part.inert = depth > 0 && part.getBoundingClientRect().bottom > toolbar.getBoundingClientRect().bottom - depth;
  }
}

function pick(changed, on) {
  // Whoever takes one away from everything means those that are in sight.
  const picked = isAll() ? new Set(boxes().map((box) => box.value)) : read();
  for (const box of changed) {
    if (on) picked.add(box.value);
    else picked.delete(box.value);
  }
  setAll(false);
  write(picked);
  show();
}

document.addEventListener("click", (event) => {
  const box = event.target.closest?.("[data-pick]");
  if (box) {
    const all = boxes();
    const [from, to] = [all.indexOf(last), all.indexOf(box)];
    const range = event.shiftKey && from !== -1 ? all.slice(Math.min(from, to), Math.max(from, to) + 1) : [box];
    pick(range, box.checked);
    last = box;
  }
  const head = event.target.closest?.("[data-pick-all]");
  if (head) pick(boxes(), head.checked);
  if (event.target.closest?.("[data-pick-none]")) {
    forget();
    document.querySelector("[data-pick-all]")?.focus();
  }
  if (event.target.closest?.("[data-pick-matching]")) {
    setAll(true);
    show();
    bar().querySelector("[data-pick-none]").focus();
  }
});
document.addEventListener("shortcut", (event) => {
  const box = event.detail.key === "x" && document.querySelector("[data-row].current [data-pick]");
  if (box) box.click();
});
document.addEventListener("htmx:afterSettle", show);
// After a bulk action: HX-Trigger: bulk:done
document.addEventListener("bulk:done", forget);

function forget() {
  setAll(false);
  write(new Set());
  show();
}
// The page that says what became of a selection forgets it.
if (document.querySelector("[data-bulk-done]")) {
  for (const name of Object.keys(sessionStorage)) if (name.startsWith("picked ")) sessionStorage.removeItem(name);
}
show();
