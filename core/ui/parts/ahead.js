// Tabs that were not opened yet are drawn while the page has nothing to do, so that each stands there as soon as it is chosen.
() => {
  const CALM_MS = 300;
  let touched = 0, alive = false;
  for (const name of ["pointerdown", "keydown", "wheel", "touchmove"])
    window.addEventListener(name, () => { touched = performance.now(); }, { capture: true, passive: true });
  const idle = window.requestIdleCallback || window.setTimeout;
  const draw = () => {
    const tabs = [...document.querySelectorAll("[role=tab][aria-controls]")], chosen = tabs.find((tab) => tab.ariaSelected === "true");
    const next = tabs.find((tab) => !document.getElementById(tab.getAttribute("aria-controls")));
    alive ||= document.querySelector(".screen img")?.naturalWidth > 0;
    if (alive && !next) return;
    if (alive && chosen && performance.now() - touched > CALM_MS) {
      // gradio draws a tab at its first click; back before anything is painted.
      next.click();
      chosen.click();
    }
    setTimeout(() => idle(draw), CALM_MS);
  };
  setTimeout(draw, CALM_MS);
}
