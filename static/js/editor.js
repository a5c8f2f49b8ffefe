// Writing a step: tokens go in at the cursor, Ctrl+S and Ctrl+Enter save.
const form = document.querySelector("form[data-tokens]");
const texts = () => [...form.querySelectorAll("#id_subject, #id_body")].filter((field) => !field.disabled);
let last = null;

form?.addEventListener("focusin", ({ target }) => {
  if (texts().includes(target)) last = target;
});

form?.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-token]");
  if (!button) return;
  const field = last ?? form.querySelector("#id_body");
  field.focus();
  const token = `{{ ${button.dataset.token} }}`;
  // Unlike setting the value, this can be taken back with Ctrl+Z.
  if (!document.execCommand("insertText", false, token)) {
    field.setRangeText(token, field.selectionStart, field.selectionEnd, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
});

form?.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
  if (event.key !== "s" && event.key !== "Enter") return;
  event.preventDefault();
  if (!event.repeat) form.requestSubmit(form.querySelector("button.primary"));
});

// Where the browser does not let a text field grow with its words.
if (form && !CSS.supports("field-sizing", "content")) {
  const grow = (field) => {
    field.style.blockSize = "auto";
    field.style.blockSize = `${field.scrollHeight + 2}px`;
  };
  for (const field of form.querySelectorAll("textarea")) {
    grow(field);
    field.addEventListener("input", () => grow(field));
  }
}
