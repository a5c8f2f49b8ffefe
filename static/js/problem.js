// Answers that are not what was asked for. A fragment is swapped in; a whole error page never is:
// its panel goes into the drawer that was being opened, otherwise its words into a toast.
const OURS = "Something went wrong. Nothing was changed that you do not see here; try again.";

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const { xhr } = detail;
  if (xhr.status < 400) return;
  const html = (xhr.getResponseHeader("Content-Type") ?? "").startsWith("text/html");
  const whole = /^\s*<!doctype/i.test(xhr.responseText);
  if (html && !whole && detail.shouldSwap) return;
  const panel = html && new DOMParser().parseFromString(xhr.responseText, "text/html").querySelector("#problem");
  const asking = detail.requestConfig.verb === "get" && detail.target?.id === "drawer";
  if (panel && asking) {
    panel.classList.remove("sheet");
    const title = panel.querySelector("h1");
    title.outerHTML = `<h2 id="drawer-title">${title.innerHTML}</h2>`;
    panel.querySelector(".buttons, p:last-child").innerHTML =
      '<button type="button" class="button primary" data-close-drawer>Close</button>';
    detail.serverResponse = panel.outerHTML;
    detail.shouldSwap = true;
    return;
  }
  detail.shouldSwap = false;
  if (asking) return;
  const words = panel ? [panel.querySelector("h1"), panel.querySelector("p")].map((part) => part?.textContent.trim()) : [OURS];
  say(words.filter(Boolean).join(". "));
});

document.addEventListener("htmx:swapError", () => say(OURS));
document.addEventListener("error:say", (event) => say(event.detail?.value ?? event.detail));

function say(text) {
  const toast = document.getElementById("error-toast").content.cloneNode(true);
  toast.querySelector("[data-text]").textContent = text;
  document.getElementById("toasts")?.append(toast);
}
