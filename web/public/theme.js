// Runs before the first paint, so that a dark page never flashes white.
(() => {
  const asked = new URLSearchParams(location.search).get("theme");
  let kept = null;
  try {
    kept = JSON.parse(localStorage.getItem("assay.preferences") || "{}").theme;
  } catch {
    // A browser without storage follows the system.
  }
  const theme = asked || kept;
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
})();
