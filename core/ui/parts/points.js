// Draws pictures with draggable points over them, and reports edits through props.value.
// value: {panels: [{label, image, width, height, points: [[x, y], ...]}, ...]}; x, y in pixels of the picture.
const SVG = "http://www.w3.org/2000/svg";
const paired = props.paired, edges = props.edges || [], names = props.names || [];
const stage = element.querySelector(".stage"), hint = element.querySelector(".hint");
const groups = props.groups || [], groupBar = element.querySelector(".groups"), hidden = new Set(), MOST_ZOOM = 12, STEP = 1.5;
// kinds[i]: the group of the points numbered i. views[k]: what is seen of picture k. touches: fingers on a picture.
// stops[k]: the one point of picture k that the Tab key stops at.
let mode = "move", past = [], waiting = null, mine = null, kinds = [], views = [], touches = new Map(), stops = [];

const copy = (value) => JSON.parse(JSON.stringify(value));
const value = () => props.value && props.value.panels ? props.value : { panels: [] };
const say = (text) => { hint.textContent = text; };

function commit(next, nextKinds = kinds) {
  past.push({ before: copy(value()), kinds });
  kinds = nextKinds;
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
  commit(next, paired ? kinds.toSpliced(index, 1) : kinds);
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

function look(which, scale, centre) {
  const panel = value().panels[which], view = views[which];
  const width = Math.min(Math.max(view.width / scale, panel.width / MOST_ZOOM), panel.width), by = width / view.width;
  const [x, y] = centre || [view.x + view.width / 2, view.y + view.height / 2];
  move(which, x - (x - view.x) * by, y - (y - view.y) * by, width);
}

function move(which, x, y, width = views[which].width) {
  const panel = value().panels[which], height = (width * panel.height) / panel.width;
  const inside = (at, size, whole) => Math.min(Math.max(at, 0), whole - size);
  views[which] = { x: inside(x, width, panel.width), y: inside(y, height, panel.height), width, height };
  const svg = element.querySelectorAll(".stage svg")[which];
  show(svg, which);
}

// Points keep their size on the screen.
function show(svg, which) {
  const view = views[which], panel = value().panels[which], zoom = view.width / panel.width;
  svg.setAttribute("viewBox", `${view.x} ${view.y} ${view.width} ${view.height}`);
  svg.classList.toggle("near", zoom < 0.999);
  svg.style.setProperty("--zoom", zoom);
}

function middleOf(which) {
  const seen = value().panels[which].points.filter((point, index) => !missing(point) && !hidden.has(kinds[index]));
  if (!seen.length) return null;
  return [0, 1].map((axis) => (Math.min(...seen.map((p) => p[axis])) + Math.max(...seen.map((p) => p[axis]))) / 2);
}

// A wheel with Ctrl (a touchpad's pinch too), two fingers, or a drag beside the points.
function navigate(svg, which, panel) {
  svg.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    look(which, Math.exp(-event.deltaY / 200), place(svg, event, panel));
  }, { passive: false });
  svg.addEventListener("touchstart", (event) => { if (event.touches.length > 1) event.preventDefault(); }, { passive: false });
  svg.addEventListener("pointerdown", (event) => {
    touches.set(event.pointerId, [event.clientX, event.clientY]);
    if (views[which].width < panel.width && event.target.tagName !== "circle") svg.setPointerCapture(event.pointerId);
  });
  svg.addEventListener("pointermove", (event) => {
    if (!event.buttons) touches.delete(event.pointerId);
    const from = touches.get(event.pointerId);
    if (!from) return;
    const to = [event.clientX, event.clientY], other = [...touches.entries()].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const apart = (a) => Math.max(Math.hypot(a[0] - other[0], a[1] - other[1]), 1);
      look(which, apart(to) / apart(from), place(svg, { clientX: (to[0] + other[0]) / 2, clientY: (to[1] + other[1]) / 2 }, panel));
    } else if (mode !== "add" && event.target.tagName !== "circle") {
      const size = 1 / svg.getScreenCTM().a;
      move(which, views[which].x - (to[0] - from[0]) * size, views[which].y - (to[1] - from[1]) * size);
    }
    touches.set(event.pointerId, to);
  });
  for (const name of ["pointerup", "pointercancel", "pointerleave"]) svg.addEventListener(name, (event) => touches.delete(event.pointerId));
}

// With the keyboard a new point is led to its place by the arrows and set by Enter.
function addByKeys(svg, which, panel, radius) {
  let at = middleOf(which) || [panel.width / 2, panel.height / 2], mark = null;
  svg.setAttribute("tabindex", 0);
  svg.addEventListener("keydown", (event) => {
    const step = steps(event, radius);
    if (event.target !== svg || (!step && event.key !== "Enter")) return;
    event.preventDefault();
    if (!step) { click(which, at); return element.querySelectorAll(".stage svg")[which]?.focus(); }
    at = [Math.min(Math.max(at[0] + step[0], 0), panel.width), Math.min(Math.max(at[1] + step[1], 0), panel.height)];
    mark ||= make("circle", { class: "waiting" }, svg);
    for (const [name, setting] of Object.entries({ cx: at[0], cy: at[1], r: radius })) mark.setAttribute(name, setting);
    say(`${Math.round(at[0])}, ${Math.round(at[1])}: Enter puts the point here.`);
  });
}

function steps(event, size) {
  const [x, y] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] || [];
  return x === undefined ? null : [x * size, y * size];
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
      // A second finger makes it a pinch.
      moved = touches.size > 1 ? null : place(svg, e, panel);
      const [x, y] = moved || panel.points[index];
      circle.setAttribute("cx", x);
      circle.setAttribute("cy", y);
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
  circle.addEventListener("focus", () => {
    stops[which] = index;
    for (const one of svg.querySelectorAll("circle[data-key]")) one.setAttribute("tabindex", one === circle ? 0 : -1);
  });
  circle.addEventListener("keydown", (event) => {
    const step = steps(event, 1), turn = { PageDown: 1, PageUp: -1 }[event.key];
    if (turn) {
      event.preventDefault();
      const all = [...svg.querySelectorAll("circle[data-key]")];
      return all.at((all.indexOf(circle) + turn) % all.length).focus();
    }
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
  const svg = make("svg", { role: "group", "aria-label": panel.label }, figure);
  views[which] ||= { x: 0, y: 0, width: panel.width, height: panel.height };
  show(svg, which);
  make("image", { href: panel.image, width: panel.width, height: panel.height }, svg);
  const radius = Math.max(panel.width, panel.height) * (panel.points.length > 40 ? 0.007 : 0.011);
  for (const [a, b] of edges) {
    const [p, q] = [panel.points[a], panel.points[b]];
    if (p && q && !missing(p) && !missing(q))
      make("line", { x1: p[0], y1: p[1], x2: q[0], y2: q[1], "stroke-width": radius * 0.7 }, svg);
  }
  const shown = [...panel.points.keys()].filter((index) => !missing(panel.points[index]) && !hidden.has(kinds[index]));
  if (!shown.includes(stops[which])) stops[which] = shown[0];
  shown.forEach((index) => {
    const point = panel.points[index];
    const circle = make("circle", {
      cx: point[0], cy: point[1], r: radius, "stroke-width": radius * 0.35, tabindex: index === stops[which] ? 0 : -1, role: "button", "data-key": `${which}-${index}`,
      "aria-label": `${panel.label}: ${names[index] || `point ${index + 1}`}`,
    }, svg);
    if (names[index]) make("title", {}, circle).textContent = names[index];
    drag(svg, which, index, circle, () =>
      paired ? [...element.querySelectorAll(`circle[data-key$="-${index}"]`)].filter((c) => c !== circle) : []);
  });
  if (waiting && waiting.which === which)
    make("circle", { cx: waiting.at[0], cy: waiting.at[1], r: radius * 1.3, class: "waiting" }, svg);
  navigate(svg, which, panel);
  if (mode === "add") addByKeys(svg, which, panel, radius);
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
      move: "Drag a point, or focus it: arrow keys move it, Page Up and Page Down go to the next.",
      add: paired ? "Click a place in one picture, then the same place in the other." : "Click where the missing point belongs.",
      delete: paired ? "Click a point to delete it in both pictures." : "Click a point to mark it as missing.",
    }[mode]);
    draw();
  });
});
element.querySelector("button[data-act=undo]").addEventListener("click", () => {
  const last = past.pop(), before = last?.before;
  if (!before) return say("Nothing to undo.");
  [waiting, kinds] = [null, last.kinds];
  mine = JSON.stringify(before.panels.map((panel) => panel.points));
  props.value = before;
  trigger("input");
  draw();
});
element.querySelectorAll("button[data-zoom]").forEach((button) => {
  const scale = { in: STEP, out: 1 / STEP, fit: 0 }[button.dataset.zoom];
  button.addEventListener("click", () => value().panels.forEach((panel, which) => {
    if (!scale) return move(which, 0, 0, panel.width);
    look(which, scale, views[which].width < panel.width ? null : middleOf(which));
  }));
});
groups.forEach(([name], number) => {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: name, ariaPressed: "true" });
  button.addEventListener("click", () => {
    hidden[hidden.has(number) ? "delete" : "add"](number);
    button.ariaPressed = String(!hidden.has(number));
    draw();
  });
  groupBar.append(button);
});
function receive() {
  const now = JSON.stringify(value().panels.map((panel) => panel.points));
  if (now !== mine) {
    [past, waiting, mine, views] = [[], null, now, []];
    kinds = groups.flatMap(([, size], number) => Array(size).fill(number));
  }
  draw();
}
watch("value", receive);
receive();
