// What gradio leaves without a name that a screen reader could say gets one, as soon as it is drawn.
() => {
  const name = (root) => {
    for (const button of root.querySelectorAll("button:not([aria-label]):has(img[alt=''], img:not([alt]))")) {
      const label = button.closest(".block")?.querySelector("[data-testid=block-label]")?.textContent.trim();
      if (label && !button.textContent.trim()) button.setAttribute("aria-label", `${label}: view it large`);
    }
    for (const empty of root.querySelectorAll("div[aria-label='Empty value']:not([role])")) empty.setAttribute("role", "img");
    for (const drop of root.querySelectorAll("button.upload-container[aria-label]"))
      if (drop.textContent.trim()) drop.removeAttribute("aria-label");
  };
  let waiting = false;
  const later = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; name(document); });
  };
  new MutationObserver(later).observe(document.body, { childList: true, subtree: true });
  later();
}
