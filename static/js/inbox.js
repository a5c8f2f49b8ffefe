// The list is swapped together with the thread: it stays where it was, with the chosen reply in sight.
let place = 0;
const list = () => document.querySelector(".letters");

function settle() {
  list()?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
}

document.addEventListener("htmx:beforeSwap", () => { place = list()?.scrollTop ?? 0; });
document.addEventListener("htmx:afterSettle", ({ detail }) => {
  if (detail.target?.id !== "inbox") return;
  list()?.scrollTo(0, place);
  settle();
});
if (matchMedia("(width >= 64rem)").matches) settle();
