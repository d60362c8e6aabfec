// Draws pictures with draggable points over them, and reports edits through props.value.
// value: {panels: [{label, image, width, height, points: [[x, y], ...]}, ...]}; x, y in pixels of the picture.
const SVG = "http://www.w3.org/2000/svg";
const paired = props.paired, edges = props.edges || [], names = props.names || [];
const stage = element.querySelector(".stage"), hint = element.querySelector(".hint");
let mode = "move", past = [], waiting = null, mine = null, lastLength = 0;

const copy = (value) => JSON.parse(JSON.stringify(value));
const value = () => props.value && props.value.panels ? props.value : { panels: [] };
const say = (text) => { hint.textContent = text; };

function commit(next) {
  past.push(copy(value()));
  if (past.length > 100) past.shift();
  mine = JSON.stringify(next.panels.map((panel) => panel.points));
  props.value = next;
  trigger("input");
  draw();
}

function make(tag, attributes, parent) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, setting] of Object.entries(attributes)) node.setAttribute(name, setting);
  parent.appendChild(node);
  return node;
}

function place(svg, event, panel) {
  const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  return [Math.min(Math.max(at.x, 0), panel.width), Math.min(Math.max(at.y, 0), panel.height)];
}

const missing = (point) => point[0] < 0 || point[1] < 0;

function removePoint(which, index) {
  const next = copy(value());
  if (paired) next.panels.forEach((panel) => panel.points.splice(index, 1));
  else next.panels[which].points[index] = [-1, -1];
  commit(next);
}

function click(which, at) {
  if (mode !== "add") return;
  const next = copy(value());
  if (!paired) {
    const free = next.panels[which].points.findIndex(missing);
    if (free < 0) return say("Every point is placed already.");
    next.panels[which].points[free] = at;
    return commit(next);
  }
  if (waiting && waiting.which !== which) {
    next.panels[which].points.push(at);
    next.panels[waiting.which].points.push(waiting.at);
    waiting = null;
    say("Pair added. Click again in either picture for the next one.");
    return commit(next);
  }
  waiting = { which, at };
  say("Now click the same place in the other picture.");
  draw();
}

function drag(svg, which, index, circle, partner) {
  const panel = value().panels[which];
  let moved = null;
  circle.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    if (mode === "delete") return removePoint(which, index);
    if (mode !== "move") return;
    circle.focus();
    circle.setPointerCapture(event.pointerId);
    const follow = (e) => {
      moved = place(svg, e, panel);
      circle.setAttribute("cx", moved[0]);
      circle.setAttribute("cy", moved[1]);
    };
    const drop = () => {
      circle.removeEventListener("pointermove", follow);
      if (!moved) return;
      const next = copy(value());
      next.panels[which].points[index] = moved;
      commit(next);
    };
    circle.addEventListener("pointermove", follow);
    circle.addEventListener("pointerup", drop, { once: true });
  });
  circle.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.key === "Delete" || event.key === "Backspace") { event.preventDefault(); return removePoint(which, index); }
    if (!step) return;
    event.preventDefault();
    const next = copy(value()), point = next.panels[which].points[index];
    next.panels[which].points[index] = [point[0] + step[0], point[1] + step[1]];
    commit(next);
    element.querySelector(`circle[data-key="${which}-${index}"]`)?.focus();
  });
  const light = (on) => [circle, ...partner()].forEach((node) => node.classList.toggle("lit", on));
  circle.addEventListener("pointerenter", () => light(true));
  circle.addEventListener("pointerleave", () => light(false));
}

function drawPanel(panel, which) {
  const figure = document.createElement("figure");
  const svg = make("svg", { viewBox: `0 0 ${panel.width} ${panel.height}`, role: "group", "aria-label": panel.label }, figure);
  make("image", { href: panel.image, width: panel.width, height: panel.height }, svg);
  const radius = Math.max(panel.width, panel.height) * (panel.points.length > 40 ? 0.007 : 0.011);
  for (const [a, b] of edges) {
    const [p, q] = [panel.points[a], panel.points[b]];
    if (p && q && !missing(p) && !missing(q))
      make("line", { x1: p[0], y1: p[1], x2: q[0], y2: q[1], "stroke-width": radius * 0.7 }, svg);
  }
  panel.points.forEach((point, index) => {
    if (missing(point)) return;
    const circle = make("circle", {
      cx: point[0], cy: point[1], r: radius, "stroke-width": radius * 0.35, tabindex: 0, role: "button", "data-key": `${which}-${index}`,
      "aria-label": `${names[index] || `point ${index + 1}`} in ${panel.label}`,
    }, svg);
    if (names[index]) make("title", {}, circle).textContent = names[index];
    drag(svg, which, index, circle, () =>
      paired ? [...element.querySelectorAll(`circle[data-key$="-${index}"]`)].filter((c) => c !== circle) : []);
  });
  if (waiting && waiting.which === which)
    make("circle", { cx: waiting.at[0], cy: waiting.at[1], r: radius * 1.3, class: "waiting" }, svg);
  svg.addEventListener("click", (event) => {
    if (event.target.tagName !== "circle") click(which, place(svg, event, panel));
  });
  const caption = document.createElement("figcaption");
  const placed = panel.points.filter((point) => !missing(point)).length;
  caption.textContent = `${panel.label}: ${placed} points`;
  figure.appendChild(caption);
  return figure;
}

function draw() {
  stage.replaceChildren(...value().panels.map(drawPanel));
  element.classList.toggle("empty", value().panels.length === 0);
}

element.querySelectorAll("button[data-mode]").forEach((button) => {
  button.addEventListener("click", () => {
    mode = button.dataset.mode;
    waiting = null;
    element.querySelectorAll("button[data-mode]").forEach((b) => b.setAttribute("aria-pressed", b === button));
    say({
      move: "Drag a point, or focus it and use the arrow keys.",
      add: paired ? "Click a place in one picture, then the same place in the other." : "Click where the missing point belongs.",
      delete: paired ? "Click a point to delete it in both pictures." : "Click a point to mark it as missing.",
    }[mode]);
    draw();
  });
});
element.querySelector("button[data-act=undo]").addEventListener("click", () => {
  const before = past.pop();
  if (!before) return say("Nothing to undo.");
  waiting = null;
  mine = JSON.stringify(before.panels.map((panel) => panel.points));
  props.value = before;
  trigger("input");
  draw();
});
watch("value", () => {
  const now = JSON.stringify(value().panels.map((panel) => panel.points));
  if (now !== mine) { past = []; waiting = null; mine = now; }
  draw();
});
draw();
