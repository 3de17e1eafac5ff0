// One wish is done once. What is pressed again within a moment was meant for what stood there before: the list may have
// moved up since, and then it would be another patient's.
(() => {
  const MOMENT_MS = 300;
  const refuse = (event) => {
    event.preventDefault();
    event.stopImmediatePropagation();
  };

  // `detail` counts the clicks of a double click; a click made by a key or a script has 0. Links only lead somewhere.
  const BUTTONS = ["btn", "icon-btn", "pick", "menu-item"].map((name) => `button.${name}:not([data-often])`).join();
  const click = (event) => {
    if (event.detail > 1 && event.target.closest?.(BUTTONS)) refuse(event);
  };

  let sent = { form: null, until: 0 };
  const submit = (event) => {
    if (event.target === sent.form && Date.now() < sent.until) refuse(event);
    else sent = { form: event.target, until: Date.now() + MOMENT_MS };
  };
  const typed = () => {
    sent = { form: null, until: 0 };
  };

  // A row that was acted on goes away, and the focus with it: it goes on to the row that takes its place.
  let kept = { item: null, list: null, at: 0 };
  let movedUntil = 0;
  const itemsOf = (list) => [...list.querySelectorAll("[data-roving-item]")];
  const focused = (event) => {
    // A dialog belongs to the row it was opened from.
    if (event.target.closest?.("[role=dialog]")) return;
    const list = event.target.closest?.("[data-roving]");
    const at = list ? itemsOf(list).findIndex((item) => item.contains(event.target)) : -1;
    kept = at < 0 ? { item: null, list: null, at: 0 } : { item: itemsOf(list)[at], list, at };
  };
  const goOn = () => {
    if (!kept.item || kept.item.isConnected || document.activeElement !== document.body) return;
    const { list, at } = kept;
    kept = { item: null, list: null, at: 0 };
    const items = list.isConnected ? itemsOf(list) : [];
    const next = items[Math.min(at, items.length - 1)];
    movedUntil = Date.now() + MOMENT_MS;
    next?.setAttribute("tabindex", "0");
    (next ?? document.getElementById("page"))?.focus();
  };

  const key = (event) => {
    const writes = event.target.matches?.("textarea, [contenteditable=true]");
    if (event.key === "Enter" && !writes && (event.repeat || Date.now() < movedUntil)) refuse(event);
  };

  document.addEventListener("click", click, true);
  document.addEventListener("submit", submit, true);
  document.addEventListener("input", typed, true);
  document.addEventListener("keydown", key, true);
  document.addEventListener("focusin", focused);
  new MutationObserver(goOn).observe(document, { childList: true, subtree: true });
})();
