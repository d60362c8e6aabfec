// What gradio leaves without a name that a screen reader could say gets one, as soon as it is drawn; what we draw ourselves
// speaks the browser's language, as gradio's own parts do.
() => {
  const all = window.gradio_config?.i18n_translations || {};
  const words = navigator.languages.map((tag) => all[tag] || all[Object.keys(all).find((name) => name.split("-")[0] === tag.split("-")[0])])
    .find((found, index) => found || navigator.languages[index].startsWith("en")) || {};
  // The catalogue has # where a number stands.
  const known = (text) => {
    const numbers = text.match(/\d+/g) || [], found = words[text] || words[text.replace(/\d+/g, "#")];
    return found && found.replace(/#/g, () => numbers.shift());
  };
  // "First picture: what was found", "Width (pixels)": parts are known by themselves.
  const told = (text) => {
    const [, head, tail] = text.match(/^([^:]+): (.+)$/s) || [], [, name, unit] = text.match(/^(.+) \((seconds|pixels|degrees)\)$/) || [];
    return known(text) || (known(head || "") && `${known(head)}: ${known(tail) || tail}`)
      || (known(name || "") && `${known(name)} (${known(unit)})`) || text;
  };
  const translate = () => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const text = node.data.trim(), said = text && told(text);
      if (said !== text) node.data = node.data.replace(text, said);
    }
    for (const named of document.querySelectorAll("[aria-label]")) {
      const text = named.getAttribute("aria-label"), said = told(text);
      if (said !== text) named.setAttribute("aria-label", said);
    }
  };
  const name = (root) => {
    for (const button of root.querySelectorAll("button:not([aria-label]):has(img[alt=''], img:not([alt]))")) {
      const label = button.closest(".block")?.querySelector("[data-testid=block-label]")?.textContent.trim();
      if (label && !button.textContent.trim()) button.setAttribute("aria-label", `${label}: view it large`);
    }
    for (const empty of root.querySelectorAll("div[aria-label='Empty value']:not([role])")) empty.setAttribute("role", "img");
    for (const drop of root.querySelectorAll("button.upload-container[aria-label], button.thumbnail-item[aria-label]"))
      if (drop.textContent.trim()) drop.removeAttribute("aria-label");
    if (Object.keys(words).length) translate();
  };
  let waiting = false;
  const later = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; name(document); });
  };
  new MutationObserver(later).observe(document.body, { childList: true, subtree: true, characterData: true });
  later();
}
