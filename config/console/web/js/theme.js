// Runs before the page is drawn, so that it does not flash in the other theme.
// "auto" follows the system.
(() => {
  let theme = "auto";
  try {
    theme = localStorage.getItem("tidings.theme") || "auto";
  } catch { /* storage is closed to this page: the system's theme it is */ }
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
})();
