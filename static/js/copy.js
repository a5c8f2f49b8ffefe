// <div class="copy"><code>…</code><button data-copy aria-label="Copy …"></button></div>
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const text = button.dataset.copy || button.closest(".copy")?.querySelector("code")?.textContent || "";
  const done = await navigator.clipboard.writeText(text).then(() => true, () => false);
  if (done) {
    button.dataset.copied = "";
    setTimeout(() => { delete button.dataset.copied; }, 1600);
  }
  document.dispatchEvent(new CustomEvent("announce", { detail: done ? "Copied" : "Could not copy; select the text instead" }));
});
