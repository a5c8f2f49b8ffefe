// The drawer over the table: opened by any htmx answer into #drawer, kept in the URL as ?open=42.
//   <a href="/enrollments/42/" hx-get="/enrollments/42/" hx-target="#drawer" data-open="42">
const dialog = document.getElementById("drawer-dialog");
const body = document.getElementById("drawer");
let opener = null;
let loading = 0;
let wanted = null;
let place = -1;
let base = bare();

function bare() {
  const url = new URL(location);
  url.searchParams.delete("open");
  return url.pathname + url.search;
}
const openId = () => new URL(location).searchParams.get("open");
const linkTo = (id) => document.querySelector(`#main [data-open="${CSS.escape(id)}"]`);

function remember(id) {
  const url = new URL(location);
  url.searchParams.set("open", id);
  if (openId() === null) {
    // Going back to the table leaves it where it is; the browser may remember another place.
    history.scrollRestoration = "manual";
    history.pushState({ drawer: id, pushed: true }, "", url);
    history.scrollRestoration = "auto";
  } else history.replaceState({ drawer: id, pushed: history.state?.pushed }, "", url);
}

function show() {
  if (!dialog.open) dialog.showModal();
  const start = body.querySelector("[data-autofocus]") ?? body.querySelector("h2");
  if (!start) return;
  if (!start.matches("a, button, input, textarea, select")) start.tabIndex = -1;
  start.focus({ preventScroll: true });
}

function mark(id) {
  for (const row of document.querySelectorAll("[data-row].current")) row.classList.remove("current");
  const row = id && linkTo(id)?.closest("[data-row]");
  row?.classList.add("current");
  row?.scrollIntoView({ block: "nearest" });
}

// The rows of the table, and where among them the open one is, or was before it left the filter.
const links = () => [...document.querySelectorAll("#main [data-row]:not(.leaving, [data-leaving])")]
  .map((row) => row.querySelector("[data-open]")).filter(Boolean);

function neighbour(step) {
  const all = links();
  const here = all.findIndex((link) => link.dataset.open === wanted);
  if (here !== -1) return all[here + step];
  return place === -1 ? undefined : all[step > 0 ? place : place - 1];
}

function neighbours() {
  const here = links().findIndex((link) => link.dataset.open === wanted);
  if (here !== -1) place = here;
  for (const button of body.querySelectorAll("[data-neighbour]")) {
    button.disabled = !neighbour(Number(button.dataset.neighbour));
    button.title = button.disabled ? "There is none on this page of the table" : "";
  }
}

function hide() {
  clearTimeout(loading);
  if (dialog.open) dialog.close();
  body.replaceChildren();
  // The row itself, or the one that took its place when it left the filter.
  const near = wanted && place !== -1 ? links()[place] ?? links().at(-1) : null;
  const back = [wanted && linkTo(wanted), opener, near].find((link) => link?.isConnected && !link.closest("[inert]"));
  (back ?? document.getElementById("main"))?.focus({ preventScroll: !back });
  wanted = null;
  place = -1;
}

function close() {
  unlessDirty(() => {
    if (history.state?.pushed) return history.back();
    const url = new URL(location);
    url.searchParams.delete("open");
    history.replaceState(history.state, "", url);
    hide();
  });
}

// Text that was typed and not saved is never thrown away without a question.
function dirty(scope = document) {
  return [...scope.querySelectorAll("form[data-guard]")].some((form) =>
    [...form.elements].some((field) => {
      if (field.type === "hidden" || field.disabled) return false;
      if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
      if (field.tagName === "SELECT") return [...field.options].some((option) => option.selected !== option.defaultSelected) && [...field.options].some((option) => option.defaultSelected);
      return "defaultValue" in field && field.value !== field.defaultValue;
    }));
}

function unlessDirty(then) {
  if (!dirty()) return then();
  const text = "What you typed here is not saved yet.";
  ask({ title: "Discard your changes?", text, verb: "Discard", no: "Keep editing", danger: true, then: (yes) => yes && discard(then) });
}
function discard(then) {
  for (const form of document.querySelectorAll("form[data-guard]")) form.reset();
  then();
}
const ask = (detail) => document.dispatchEvent(new CustomEvent("ask", { detail }));

addEventListener("beforeunload", (event) => {
  if (dirty() && !document.querySelector("form[data-guard] [aria-busy=true]")) event.preventDefault();
});

// Whatever would take the place of text that is being written asks first: another prospect, and
// a button beside the text as well. Saving the text itself does not.
document.addEventListener("htmx:confirm", (event) => {
  const { detail } = event;
  if (event.defaultPrevented || detail.elt.closest("[data-keeps]")) return;
  // What asks for news by itself waits, silently, while somebody writes or has a menu open.
  if (detail.elt.matches("[data-poll]")) {
    const busy = dirty(detail.target) || detail.target.querySelector("details.menu[open]") || document.hidden;
    return busy ? event.preventDefault() : undefined;
  }
  const saves = detail.verb !== "get" && detail.elt.closest("form[data-guard]");
  if (saves || !detail.target || !dirty(detail.target)) return;
  event.preventDefault();
  unlessDirty(() => detail.issueRequest(true));
});

if (dialog) {
  document.addEventListener("htmx:beforeRequest", ({ detail }) => {
    if (detail.target !== body || detail.requestConfig.verb !== "get") return;
    const link = detail.elt.closest("[data-open]");
    if (link) wanted = link.dataset.open;
    if (!body.contains(detail.elt)) opener = link ?? detail.elt;
    if (!link) return;
    clearTimeout(loading);
    loading = setTimeout(() => {
      body.replaceChildren(document.getElementById("skeleton").content.cloneNode(true));
      mark(wanted);
      if (!dialog.open) dialog.showModal();
    }, 150);
  });

  document.addEventListener("htmx:afterSwap", ({ detail }) => {
    if (detail.target !== body) return;
    clearTimeout(loading);
    if (!body.children.length) return close();
    const { elt, verb } = detail.requestConfig ?? {};
    const link = verb === "get" && elt?.closest?.("[data-open]");
    if (link || !dialog.open) {
      if (link) remember(link.dataset.open);
      mark(wanted);
      dialog.scrollTop = 0;
      show();
    }
  });
  document.addEventListener("htmx:afterSettle", neighbours);
  body.addEventListener("click", (event) => {
    const button = event.target.closest("[data-neighbour]");
    if (button) neighbour(Number(button.dataset.neighbour))?.click();
    // Not followed as a link: it would put a page of its own into the history of the drawer.
    const jump = event.target.closest("[data-jump]");
    if (!jump) return;
    event.preventDefault();
    const card = document.getElementById(jump.hash.slice(1));
    card?.scrollIntoView({ block: "center" });
    card?.querySelector("button, a")?.focus({ preventScroll: true });
  });

  for (const name of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
    document.addEventListener(name, ({ detail }) => {
      clearTimeout(loading);
      if (detail.target !== body || detail.requestConfig.verb !== "get" || detail.elt.matches("[data-poll]")) return;
      if (name === "htmx:responseError" && detail.xhr.status < 500 && body.children.length) return;
      failed(detail, name);
    });
  }

  function failed(detail, name) {
    const part = document.getElementById("load-problem").content.cloneNode(true);
    part.querySelector("[data-why]").textContent = name === "htmx:responseError"
      ? "The server could not answer. The fault was recorded."
      : "There is no connection to the server.";
    const { path } = detail.requestConfig;
    const source = detail.elt;
    part.querySelector("[data-again]").addEventListener("click", () => {
      htmx.ajax("GET", path, { target: body, source: source.isConnected ? source : body, swap: "innerHTML" });
    });
    body.replaceChildren(part);
    if (!dialog.open) dialog.showModal();
    body.querySelector("[data-again]").focus();
  }

  dialog.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    event.preventDefault();
    close();
  });
  dialog.addEventListener("cancel", (event) => {
    if (event.target !== dialog) return;
    event.preventDefault();
    close();
  });
  let downOutside = false;
  dialog.addEventListener("pointerdown", (event) => { downOutside = event.target === dialog; });
  dialog.addEventListener("click", (event) => {
    if ((event.target === dialog && downOutside) || event.target.closest("[data-close-drawer]")) {
      event.preventDefault();
      close();
    }
  });
  document.addEventListener("drawer:close", close);

  // Registered before htmx sets window.onpopstate, so that going back from a drawer is ours.
  addEventListener("popstate", (event) => {
    const id = openId();
    if (bare() !== base) {
      if (!event.state?.htmx) location.reload();
      return;
    }
    event.stopImmediatePropagation();
    if (id === null && dialog.open && dirty()) {
      remember(wanted ?? "");
      return close();
    }
    if (id === null) {
      history.scrollRestoration = "auto";
      return hide();
    }
    const link = linkTo(id);
    if (link) htmx.trigger(link, "click");
    else location.reload();
  });
  for (const name of ["htmx:pushedIntoHistory", "htmx:replacedInHistory"]) {
    document.addEventListener(name, () => { base = bare(); });
  }

  if (body.children.length) {
    wanted = openId();
    mark(wanted);
    neighbours();
    show();
  }
}
