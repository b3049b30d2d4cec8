// In Airflow's frame: take over its theme, and let links to its own pages open in its window instead of in the frame.
if (window.parent !== window) {
  const root = window.parent.document.documentElement;
  const follow = () => {
    document.documentElement.dataset.theme = root.classList.contains("dark") ? "dark" : "light";
  };
  new MutationObserver(follow).observe(root, { attributeFilter: ["class"] });
  follow();
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.airflow");
    if (!link) return;
    event.preventDefault();
    window.parent.history.pushState({}, "", link.href);
    window.parent.dispatchEvent(new PopStateEvent("popstate", { state: {} }));
  });
}
