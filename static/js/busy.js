// A button that was pressed works until it is answered; a slow part fades; a lost line is said once.
const root = document.documentElement;

function pressed(detail) {
  const submitter = detail.requestConfig?.triggeringEvent?.submitter;
  const button = submitter ?? detail.elt;
  return button?.matches?.("button, .button") ? button : null;
}

document.addEventListener("htmx:beforeRequest", (event) => {
  const { detail } = event;
  const button = pressed(detail);
  if (button?.getAttribute("aria-busy") === "true") return event.preventDefault();
  if (root.dataset.offline && detail.requestConfig.verb !== "get") {
    // An open dialog hides the banner from those who see.
    const say = document.querySelector("dialog[open]") ? "error:say" : "announce";
    document.dispatchEvent(new CustomEvent(say, { detail: "No connection. Nothing was sent; try again when the line is back." }));
    return event.preventDefault();
  }
  const region = detail.target?.closest?.("[data-region]");
  const { xhr } = detail;
  let slow;
  button?.setAttribute("aria-busy", "true");
  // The request itself is listened to: the asker may be gone with the part that its answer replaced.
  xhr.addEventListener("loadstart", () => { slow = setTimeout(() => region?.classList.add("slow"), 150); });
  xhr.addEventListener("loadend", () => {
    clearTimeout(slow);
    region?.classList.remove("slow");
    button?.removeAttribute("aria-busy");
    if (xhr.status > 0) online();
  });
});

// Forms without htmx: the page that answers takes the place of this one.
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.target.matches("[hx-post], [data-hx-post]")) return;
  const button = event.submitter;
  if (!button || event.target.method !== "post") return;
  if (button.getAttribute("aria-busy") === "true") return event.preventDefault();
  button.setAttribute("aria-busy", "true");
});
addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("[aria-busy=true]")) button.removeAttribute("aria-busy");
});

function offline() {
  if (root.dataset.offline) return;
  root.dataset.offline = "true";
  const banner = document.getElementById("offline");
  if (banner) banner.hidden = false;
  probe();
}

function online() {
  if (!root.dataset.offline) return;
  delete root.dataset.offline;
  const banner = document.getElementById("offline");
  if (banner) banner.hidden = true;
  document.dispatchEvent(new CustomEvent("announce", { detail: "The connection is back." }));
}

async function probe() {
  while (root.dataset.offline) {
    await new Promise((done) => setTimeout(done, 3000));
    try {
      // Any answer of the product will do: it says 503 while only its scheduler is down.
      const answer = await fetch("/healthz", { cache: "no-store" });
      if (![502, 504].includes(answer.status)) online();
    } catch {
      // Still away; ask again.
    }
  }
}

document.addEventListener("htmx:sendError", offline);
document.addEventListener("htmx:timeout", offline);
addEventListener("offline", offline);
