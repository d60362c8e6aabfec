// Two pictures of one frame over each other; the line between them is pulled, or moved with the arrow keys.
// value: {before, after}, as picture components hold them.
const both = element.querySelector(".both"), line = element.querySelector("input");
const place = () => both.style.setProperty("--at", `${line.value}%`);

function draw() {
  const { before, after } = props.value || {};
  element.querySelector(".wipe").hidden = !before || !after;
  if (!before || !after) return;
  both.querySelector(".after").src = after.url;
  both.querySelector(".before").src = before.url;
  place();
}

const pull = (event) => {
  if (event.pointerType === "mouse" && !event.buttons) return;
  const box = both.getBoundingClientRect();
  line.value = (100 * (event.clientX - box.left)) / box.width;
  place();
};
for (const name of ["pointerdown", "pointermove"]) both.addEventListener(name, pull);
line.addEventListener("input", place);
watch("value", draw);
draw();
