// Questions before what cannot be undone. The dialog names the object; the button is the verb.
//   <form data-confirm="Delete Q4 wholesale?" data-confirm-text="…" data-confirm-verb="Delete sequence" data-confirm-danger>
const dialog = document.getElementById("confirm");
let answer = null;

function ask({ title, text = "", verb, danger = false, no = "Cancel", then }) {
  dialog.querySelector("h2").textContent = title;
  dialog.querySelector("#confirm-text").textContent = text;
  const yes = dialog.querySelector("[data-answer=yes]");
  yes.textContent = verb;
  yes.className = `button ${danger ? "danger" : "primary"}`;
  dialog.querySelector("[data-answer=no]").textContent = no;
  answer = then;
  dialog.showModal();
  dialog.querySelector("[data-answer=no]").focus();
}

dialog?.addEventListener("click", (event) => {
  const pressed = event.target.closest("[data-answer]");
  if (!pressed) return;
  const then = answer;
  answer = null;
  dialog.close();
  then?.(pressed.dataset.answer === "yes");
});
dialog?.addEventListener("close", () => {
  answer?.(false);
  answer = null;
});

document.addEventListener("ask", (event) => ask(event.detail));

function question(element, then) {
  const { confirm, confirmText, confirmVerb, confirmDanger } = element.dataset;
  return { title: confirm, text: confirmText, verb: confirmVerb ?? "Go on", danger: confirmDanger !== undefined, then };
}

document.addEventListener("htmx:confirm", (event) => {
  const submitter = event.detail.triggeringEvent?.submitter;
  const asking = [submitter, event.detail.elt].find((element) => element?.dataset?.confirm);
  if (!asking) return;
  event.preventDefault();
  ask(question(asking, (yes) => yes && event.detail.issueRequest(true)));
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  const asking = [event.submitter, form].find((element) => element?.dataset?.confirm);
  if (!asking || form.matches("[hx-post]") || form.dataset.confirmed) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const { submitter } = event;
  ask(question(asking, (yes) => {
    if (!yes) return;
    form.dataset.confirmed = "yes";
    form.requestSubmit(submitter);
    delete form.dataset.confirmed;
  }));
}, true);
