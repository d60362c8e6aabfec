// The brush editor draws files by itself: what no browser draws is handed to the button below it, which converts it.
() => {
  const OTHERS = /\.(heic|heif|tiff?|psd|jxl)$/i;
  const hand = (event, files) => {
    const open = event.target.closest?.(".brushed") && document.querySelector("#ripple-open")?.previousElementSibling;
    if (!open || !files?.length || !OTHERS.test(files[0].name)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const given = new DataTransfer();
    given.items.add(files[0]);
    open.files = given.files;
    open.dispatchEvent(new Event("change", { bubbles: true }));
  };
  document.addEventListener("drop", (event) => hand(event, event.dataTransfer?.files), true);
  document.addEventListener("change", (event) => { if (event.target.type === "file") hand(event, event.target.files); }, true);
}
