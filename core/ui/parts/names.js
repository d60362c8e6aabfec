// What gradio leaves without a name that a screen reader could say gets one, as soon as it is drawn; what we draw ourselves
// speaks the browser's language, as gradio's own parts do.
() => {
  const all = window.gradio_config?.i18n_translations || {};
  const marked = navigator.languages.map((tag) => all[tag] || all[Object.keys(all).find((name) => name.split("-")[0] === tag.split("-")[0])])
    .find((found, index) => found || navigator.languages[index].startsWith("en")) || {};
  const words = Object.fromEntries(Object.entries(marked).map(([text, said]) => [text.slice(1), said]));
  const LONGEST = 2000;
  // The catalogue has {1}, {2} where values stand, which never go over the end of a sentence; they are told too, each of a list.
  const VALUE = "((?:[^.\\n]|\\.(?! [A-Z0-9]))+?)";
  const literal = (text) => text.replace(/[.*+?^$()|[\]\\]/g, "\\$&");
  const templates = Object.keys(words).filter((text) => text.includes("{1}"))
    .map((text) => [new RegExp(`^${text.split(/\{\d\}/).map(literal).join(VALUE)}$`), words[text]]);
  const filled = (text) => {
    const [form, said] = templates.find(([form]) => form.test(text)) || [];
    return form && said.replace(/\{(\d)\}/g, (_, place) => value(text.match(form)[place]));
  };
  const value = (text) => words[text] || text.split(", ").map(sought).join(", ");
  const known = (text) => words[text] || filled(text);
  // "First picture: what was found", "Width (pixels)", "name (not here)": parts are known by themselves.
  const done = new Set();
  const told = (text) => {
    if (done.has(text)) return text;
    const said = sought(text);
    done.add(said);
    return said;
  };
  const sought = (text) => {
    const [, head, tail] = text.match(/^([^:]+): (.+)$/s) || [], [, name, unit] = text.match(/^(.+) \(([^()]+)\)$/) || [];
    const several = text.split(/(?<=\.) (?=[A-Z0-9])/);
    return known(text) || (known(head || "") && `${known(head)}: ${told(tail)}`)
      || (known(unit || "") && `${known(name) || name} (${known(unit)})`)
      || (several.length > 1 ? several.map(told).join(" ") : text);
  };
  const translate = () => {
    // A long text is known as a whole; its bold words are not.
    for (const long of document.querySelectorAll(".prose p:has(strong, em)")) {
      const said = known(long.textContent.replace(/\s+/g, " ").trim());
      if (said) long.textContent = said;
    }
    // What a list shows as chosen is a value of the browser's only: gradio keeps its own.
    for (const list of document.querySelectorAll("input[role=combobox]"))
      if (list !== document.activeElement) list.value = told(list.value);
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      // Scripts and styles of the page are longer than any text of it.
      const text = node.data.length < LONGEST ? node.data.trim() : "", said = text && told(text);
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
  document.addEventListener("focusout", later);
  later();
}
