// Puts an agency's listings in the place of its link; without this script the link stays.
(() => {
  const home = new URL(document.currentScript.src).origin;
  for (const link of document.querySelectorAll("a[data-rounds]")) {
    const frame = document.createElement("iframe");
    frame.src = `${home}/agencies/${encodeURIComponent(link.dataset.rounds)}/widget`;
    frame.title = link.textContent.trim();
    frame.width = "100%";
    frame.height = link.dataset.height || "640";
    frame.loading = "lazy";
    frame.referrerPolicy = "strict-origin";
    link.replaceWith(frame);
  }
})();
