// The frame: folding, theme at once, dialogs opened by name, and the voice for screen readers.
const root = document.documentElement;

document.addEventListener("click", (event) => {
  const fold = event.target.closest("[data-fold]");
  if (fold) {
    const narrow = root.dataset.side !== "narrow";
    if (narrow) root.dataset.side = "narrow";
    else delete root.dataset.side;
    fold.setAttribute("aria-label", narrow ? "Unfold the sidebar" : "Fold the sidebar");
    localStorage.setItem("side", narrow ? "narrow" : "wide");
  }
  const opens = event.target.closest("[data-open-dialog]");
  if (opens) document.getElementById(opens.dataset.openDialog)?.showModal();
  event.target.closest("[data-close-dialog]")?.closest("dialog")?.close();
  const dialog = event.target;
  if (dialog.matches?.("dialog.dialog") && outside(dialog, event)) dialog.close();
});

// The server, when the form of a dialog was accepted:
// HX-Trigger-After-Settle: {"dialog:close": {"focus": "#row-42 [data-open]"}}
document.addEventListener("dialog:close", ({ detail }) => {
  document.querySelector("dialog.dialog[open]")?.close();
  document.querySelector(detail?.focus ?? "#main")?.focus({ preventScroll: true });
});

function outside(dialog, event) {
  const box = dialog.getBoundingClientRect();
  return event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom;
}

document.addEventListener("submit", (event) => {
  const chosen = event.target;
  const theme = chosen.dataset.themeSet;
  if (!theme) return;
  event.preventDefault();
  root.dataset.theme = theme;
  localStorage.setItem("theme", theme);
  for (const form of document.querySelectorAll("[data-theme-set]")) {
    form.querySelector("button").setAttribute("aria-pressed", String(form.dataset.themeSet === theme));
  }
  keepTheme(chosen);
});

// Outlives the page: whoever chooses and leaves at once finds the choice on the next page.
async function keepTheme(form) {
  const asked = { method: "POST", body: new FormData(form), headers: { "HX-Request": "true" }, keepalive: true };
  const answer = await fetch(form.action, asked).catch(() => null);
  if (answer?.ok) return;
  const text = "Your theme could not be kept. Try again when the line is back.";
  document.dispatchEvent(new CustomEvent("error:say", { detail: text }));
}

// Anyone may say something: document.dispatchEvent(new CustomEvent("announce", {detail: "23 sequences"})),
// or the server with the header HX-Trigger: {"announce": "23 sequences"}.
document.addEventListener("announce", (event) => {
  const voice = document.getElementById("announce");
  const text = event.detail?.value ?? event.detail;
  voice.textContent = "";
  setTimeout(() => { voice.textContent = text; }, 60);
});

// Who has not chosen a time zone most likely lives in their browser's.
const zone = document.querySelector("[data-guess-zone]");
if (zone) zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone || zone.value;

// What asks again and again rests while nobody looks.
document.addEventListener("htmx:beforeRequest", (event) => {
  const trigger = event.detail.elt.getAttribute("hx-trigger") ?? "";
  if (document.hidden && trigger.startsWith("every")) event.preventDefault();
});

// The asker may have left the page before its answer is here: a row that was listed anew. What the
// answer says elsewhere (toasts, counts) is looked for in the page, not in the part that left.
document.addEventListener("htmx:beforeRequest", ({ detail }) => {
  detail.elt.getRootNode = () => document;
});
