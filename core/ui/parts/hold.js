// Hold the preview, or the key C, and the picture that went in lies over it; with two, the right half or Shift shows the second.
() => {
  const WAIT_MS = 160;
  let over = null, timer = null, held = false;
  const inputs = (screen) => {
    const tab = screen.id.replace(/-preview$/, "");
    const places = [`${tab}-picture-a`, `${tab}-picture`, `${tab}-picture-b`].map((id) => document.getElementById(id));
    return places.filter((place) => place?.offsetParent && place.querySelector("img"));
  };
  const hide = () => {
    clearTimeout(timer);
    over?.remove();
    over = null;
  };
  const show = (screen, second) => {
    const places = inputs(screen), place = places[second ? places.length - 1 : 0];
    if (over || !place) return;
    over = Object.assign(document.createElement("div"), { className: "held" });
    const picture = Object.assign(new Image(), { src: place.querySelector("img").src, alt: "" }), told = document.createElement("span");
    told.textContent = place.querySelector("[data-testid=block-label]")?.textContent.trim() || "";
    over.append(picture, told);
    screen.append(over);
  };
  document.addEventListener("pointerdown", (event) => {
    const screen = event.target.closest?.(".screen");
    if (!screen || event.button || event.target.tagName !== "IMG") return;
    const box = screen.getBoundingClientRect(), second = event.clientX > box.left + box.width / 2;
    held = event.pointerType !== "mouse";
    timer = setTimeout(() => show(screen, second), WAIT_MS);
  });
  for (const name of ["pointerup", "pointercancel", "blur"]) window.addEventListener(name, hide);
  // A long touch would open the browser's menu over it, a drag would take the picture away.
  document.addEventListener("contextmenu", (event) => { if (held && event.target.closest?.(".screen")) event.preventDefault(); });
  document.addEventListener("dragstart", (event) => { if (event.target.closest?.(".screen")) event.preventDefault(); });
  document.addEventListener("keydown", (event) => {
    if (event.code !== "KeyC" || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest?.("textarea, select, [contenteditable], input:not([type=range], [type=checkbox], [type=radio])")) return;
    const screen = [...document.querySelectorAll(".screen")].find((one) => one.offsetParent);
    if (screen) show(screen, event.shiftKey);
  });
  document.addEventListener("keyup", (event) => { if (event.code === "KeyC") hide(); });
}
