// Menus are <details class="menu">: one open at a time, Escape and outside close, arrows move.
const open = () => document.querySelector("details.menu[open], details.help-tip[open]");
const items = (menu) => [...menu.querySelectorAll(".list a, .list button, .list input, .list select")].filter((item) => !item.disabled && item.checkVisibility());

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open], details.help-tip[open]")) {
    const inside = menu.contains(event.target);
    if (!inside || event.target.closest(".list a, .list button:not([data-stays])")) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.("details.menu") ?? (event.key === "Escape" ? open() : null);
  if (!menu?.open) {
    if (menu && event.key === "ArrowDown" && event.target.matches("summary")) {
      event.preventDefault();
      menu.open = true;
      items(menu)[0]?.focus();
    }
    return;
  }
  const all = items(menu);
  const here = all.indexOf(document.activeElement);
  if (event.key === "Escape") {
    event.preventDefault();
    event.stopPropagation();
    menu.open = false;
    menu.querySelector("summary").focus();
  } else if (["ArrowDown", "ArrowUp"].includes(event.key) && !event.target.matches("select, input[type=date], input[type=time], input[type=datetime-local]")) {
    event.preventDefault();
    const step = event.key === "ArrowDown" ? 1 : -1;
    all[(here + step + all.length) % all.length]?.focus();
  } else if (["Home", "End"].includes(event.key) && here !== -1 && !event.target.matches("input")) {
    event.preventDefault();
    all[event.key === "Home" ? 0 : all.length - 1].focus();
  }
}, true);

document.addEventListener("focusout", (event) => {
  const menu = event.target.closest?.("details.menu[open]");
  if (menu && event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
});
