// Back finds the place where one was reading: htmx loads the earlier page again, and with it the
// browser forgets how far it was scrolled.
const KEY = "scrolled";
const MOST = 30;
const read = () => JSON.parse(sessionStorage.getItem(KEY) ?? "[]");

document.addEventListener("htmx:beforeHistoryUpdate", ({ detail }) => {
  if (detail.history.type !== "push") return;
  const others = read().filter(([address]) => address !== location.href);
  sessionStorage.setItem(KEY, JSON.stringify([...others, [location.href, scrollY]].slice(-MOST)));
});

// Registered before htmx sets window.onpopstate, and after the drawer, which keeps its own from us.
addEventListener("popstate", (event) => {
  if (!event.state?.htmx) return;
  history.scrollRestoration = "manual";
  sessionStorage.setItem(`${KEY} back`, location.href);
});

if (sessionStorage.getItem(`${KEY} back`) === location.href) {
  const place = read().find(([address]) => address === location.href)?.[1] ?? 0;
  scrollTo(0, place);
  // The browser's own idea of the place comes with the load event, and it is the top.
  addEventListener("load", () => setTimeout(() => {
    if (scrollY === 0) scrollTo(0, place);
    history.scrollRestoration = "auto";
  }));
}
sessionStorage.removeItem(`${KEY} back`);
