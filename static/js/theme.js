// Runs before the first paint: the remembered theme on pages that know no user, and the folded sidebar.
(function () {
  const root = document.documentElement;
  try {
    if (root.dataset.theme) localStorage.setItem("theme", root.dataset.theme);
    else root.dataset.theme = localStorage.getItem("theme") || "system";
    const side = localStorage.getItem("side") || (innerWidth < 1100 ? "narrow" : "wide");
    if (side === "narrow") root.dataset.side = "narrow";
  } catch {
    // Storage is blocked: the system's theme, the whole sidebar.
  }
})();
