// Toasts: at most three, counted down while nobody looks at them, inside the dialog that is open.
const MOST = 3;
const place = document.getElementById("toasts");

function start(toast) {
  toast.dataset.toastReady = "";
  const shown = [...place.querySelectorAll(".toast:not(.gone)")];
  for (const old of shown.slice(0, Math.max(0, shown.length - MOST))) leave(old);
  if (!toast.dataset.seconds) return;
  const undo = toast.querySelector("[data-undo]");
  let left = Math.max(undo ? 1 : 4, Number(toast.dataset.seconds));
  const count = toast.querySelector(".left");
  const tick = () => {
    if (!toast.isConnected) return clearInterval(timer);
    if (count) count.textContent = `${left} s`;
    if (toast.matches(":hover, :focus-within") || document.hidden && !undo) return;
    if (left <= 0) {
      clearInterval(timer);
      return leave(toast);
    }
    left -= 1;
  };
  const timer = setInterval(tick, 1000);
  tick();
}

function leave(toast) {
  const had = toast.contains(document.activeElement);
  toast.classList.add("gone");
  setTimeout(() => {
    toast.remove();
    if (had) document.dispatchEvent(new CustomEvent("focus:lost"));
  }, 220);
}

if (place) {
  new MutationObserver(() => {
    for (const toast of place.querySelectorAll(".toast:not([data-toast-ready])")) start(toast);
  }).observe(place, { childList: true });
  for (const toast of place.querySelectorAll(".toast")) start(toast);

  place.addEventListener("click", (event) => {
    const close = event.target.closest("[data-close-toast]");
    if (close) leave(close.closest(".toast"));
  });
  place.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.successful) leave(event.target.closest(".toast"));
  });

  // A modal dialog makes everything outside it inert, so the messages move into it.
  const follow = () => {
    const dialog = [...document.querySelectorAll("dialog[open]")].pop() ?? document.body;
    if (place.parentNode !== dialog) dialog.append(place);
  };
  new MutationObserver(follow).observe(document.body, { attributes: true, attributeFilter: ["open"], subtree: true });
  follow();
}
