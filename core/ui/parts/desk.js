// Under a film: its frames as a strip, how much changes from each to the next, and the films of this visit.
// value: {video, file, details}, as the result's components hold them. details.film: {fps, change: [%], at: {slider: [places]}}.
const kept = `morphospace-visit-${props.tab}`, THUMBS = 10, MOST = 12, TWO_HOURS_MS = 7.2e6;
const find = (name) => element.querySelector(name);
const strip = find(".strip"), plot = find(".steps"), said = find(".said"), visit = find(".visit"), made = find(".made-here");
const video = () => document.querySelector(`#${props.tab}-video video`);
const film = () => now.details?.film || null;
const reason = (error) => console.debug("film desk", error);
let now = {}, moving = false, shown = null;

const count = () => (film() ? film().change.length + 1 : 0);
const frameAt = (seconds) => Math.min(Math.max(Math.floor(seconds * film().fps + 1e-6), 0), Math.max(count() - 1, 0));
const secondsOf = (index) => (index + 0.5) / film().fps;

function sliders() {
  return Object.keys(film()?.at || {}).map((name) => [name, document.querySelector(`#${props.tab}-${name} input[type=range]`)]);
}

function tell() {
  const playing = video(), facts = film();
  if (!playing || !facts || !count()) return;
  const index = frameAt(playing.currentTime), at = Object.entries(facts.at || {}).map(([name, places]) => `, ${name} ${places[index].toFixed(2)}`);
  said.textContent = `${index + 1} / ${count()}${at.join("")}`;
  plot.querySelector(".now")?.setAttribute("transform", `translate(${(100 * index) / Math.max(count() - 1, 1)} 0)`);
}

// A film that stands still leads the sliders, so that the preview shows this very place; one that plays does not.
function leadSliders() {
  const playing = video();
  if (!playing?.paused || !film()) return;
  const index = frameAt(playing.currentTime);
  for (const [name, slider] of sliders()) {
    const place = film().at[name][index];
    if (!slider || Math.abs(slider.value - place) < 0.005) continue;
    slider.value = place;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

function seek(index) {
  const playing = video();
  if (!playing || !film()) return;
  playing.pause();
  playing.currentTime = secondsOf(index);
}

// A slider that a person moves leads the film to the frame that lies nearest.
function follow(event) {
  if (!event.isTrusted || !film() || !video()) return;
  const led = sliders().find(([name]) => event.target.closest?.(`#${props.tab}-${name}`));
  if (!led) return;
  const places = film().at[led[0]], place = Number(event.target.value);
  moving = true;
  seek(places.reduce((best, at, index) => (Math.abs(at - place) < Math.abs(places[best] - place) ? index : best), 0));
}

const ours = (event) => event.target instanceof HTMLVideoElement && event.target === video();
// Who wants less motion starts a film by hand.
const calm = matchMedia("(prefers-reduced-motion: reduce)").matches, BY_HAND_MS = 1000;
let pressed = -BY_HAND_MS, stilled = false;
for (const name of ["pointerdown", "keydown"]) document.addEventListener(name, () => { pressed = performance.now(); }, true);
const listeners = {
  play: () => {
    if (!calm || performance.now() - pressed < BY_HAND_MS) return;
    stilled = true;
    video().pause();
  },
  timeupdate: tell,
  pause: () => {
    if (!moving && !stilled) leadSliders();
    stilled = false;
  },
  seeked: () => { tell(); if (!moving) leadSliders(); moving = false; },
};
for (const [name, act] of Object.entries(listeners)) document.addEventListener(name, (event) => ours(event) && act(), true);
document.addEventListener("input", follow, true);

async function drawStrip(url) {
  const reader = Object.assign(document.createElement("video"), { muted: true, preload: "auto", src: url, crossOrigin: "anonymous" });
  await new Promise((done, failed) => { reader.onloadeddata = done; reader.onerror = failed; });
  const indices = [...new Set([...Array(THUMBS)].map((_, i) => Math.round((i * (count() - 1)) / (THUMBS - 1))))];
  for (const index of indices) {
    await new Promise((done) => { reader.onseeked = done; reader.currentTime = Math.min(secondsOf(index), reader.duration - 0.001); });
    if (now.video?.url !== url) return;
    const button = document.createElement("button"), canvas = document.createElement("canvas");
    [canvas.height, canvas.width] = [54, Math.round((54 * reader.videoWidth) / reader.videoHeight)];
    canvas.getContext("2d").drawImage(reader, 0, 0, canvas.width, canvas.height);
    Object.assign(button, { type: "button", ariaLabel: `frame ${index + 1}`, title: `frame ${index + 1}` });
    button.onclick = () => seek(index);
    button.append(canvas);
    strip.append(button);
  }
}

function drawSteps() {
  const change = film().change, most = Math.max(...change, 1e-6), wide = Math.max(change.length, 1);
  const points = change.map((step, index) => `${((100 * (index + 0.5)) / wide).toFixed(2)},${(30 - (28 * step) / most).toFixed(2)}`);
  const mean = change.reduce((sum, step) => sum + step, 0) / wide;
  plot.setAttribute("aria-label", `change from frame to frame: ${mean.toFixed(2)} % on average, ${most.toFixed(2)} % at most`);
  plot.innerHTML = `<title>${plot.getAttribute("aria-label")}</title><polyline points="${points.join(" ")}"/><line class="now" x1="0" x2="0" y1="0" y2="30"/>`;
}

function saveFrame() {
  const playing = video(), canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [playing.videoWidth, playing.videoHeight];
  canvas.getContext("2d").drawImage(playing, 0, 0);
  const stem = (now.file?.orig_name || "film").replace(/\.\w+$/, "");
  canvas.toBlob((blob) => save(URL.createObjectURL(blob), `${stem}_frame${String(frameAt(playing.currentTime) + 1).padStart(3, "0")}.png`), "image/png");
}

function save(url, name) {
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
}

function items() {
  try {
    return JSON.parse(sessionStorage.getItem(kept) || "[]").filter((item) => Date.now() - item.when < TWO_HOURS_MS);
  } catch (error) { reason(error); return []; }
}

function remember() {
  const known = items(), place = known.findIndex((item) => item.video.url === now.video.url);
  const item = { ...now, when: place < 0 ? Date.now() : known[place].when };
  known.splice(place < 0 ? known.length : place, 1, item);
  sessionStorage.setItem(kept, JSON.stringify(known.slice(-MOST)));
}

function drawVisit() {
  made.hidden = !items().length;
  visit.replaceChildren(...items().map((item) => {
    const button = document.createElement("button"), small = document.createElement("video");
    const name = item.file?.orig_name || "film";
    Object.assign(button, { type: "button", ariaLabel: name, title: name });
    Object.assign(small, { muted: true, preload: "metadata", src: `${item.video.url}#t=0.5`, tabIndex: -1 });
    small.onerror = () => button.remove();
    button.append(small);
    button.onclick = () => { sessionStorage.setItem("morphospace-chosen", JSON.stringify(item)); trigger("select"); };
    return button;
  }));
}

function draw() {
  const came = props.value || {}, url = came.video?.url || null;
  // A preview's details carry no film: those of the film that stands here hold.
  if (url && url === now.video?.url && film() && !came.details?.film) return;
  now = came;
  element.querySelector(".film").hidden = !url || !count();
  const key = `${url} ${count()}`;
  if (key !== shown) {
    shown = key;
    strip.replaceChildren();
    if (url && count()) {
      drawSteps();
      tell();
      drawStrip(url).catch(reason);
      document.getElementById(`${props.tab}-video`)?.scrollIntoView({ block: "nearest" });
    }
  }
  if (url) remember();
  drawVisit();
}

find("[data-act=frame]").onclick = saveFrame;
find("[data-act=loop]").onclick = (event) => {
  const on = !(video().loop);
  video().loop = on;
  event.currentTarget.setAttribute("aria-pressed", on);
};
find("[data-act=all]").onclick = async () => {
  for (const item of items()) {
    save(item.file.url, item.file.orig_name);
    await new Promise((done) => setTimeout(done, 300));
  }
};
watch("value", draw);
draw();
