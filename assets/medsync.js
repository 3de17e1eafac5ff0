// Keyboard helpers that work in the browser alone: no keystroke travels to the server.
(() => {
  const editable = (element) =>
    element.matches?.("input, textarea, select, [contenteditable=true]");

  // Ctrl K (or Cmd K) goes to the search of the top bar.
  const toSearch = (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
      const field = document.querySelector("[data-hotkey=search]");
      if (field) {
        event.preventDefault();
        field.focus();
        field.select();
      }
    }
  };

  // Enter in a search whose results are still those of an earlier text waits for its own: a scanner is faster than the
  // server. What nobody has seen is opened only when it is the only one.
  let asked = null;
  const answers = (list, field) => list.dataset.for === field.value.trim();
  const answer = () => {
    if (!asked || !answers(asked.list, asked.field)) return;
    const found = asked.list.querySelectorAll("[data-roving-item]");
    const waits = document.activeElement === asked.field;
    asked = null;
    if (waits && found.length === 1) found[0].click();
  };

  // Arrow keys, Home and End walk the items of a [data-roving] list; from its search field they enter it.
  const step = { ArrowDown: 1, ArrowUp: -1 };
  const walk = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const list = event.target.closest?.("[data-roving]");
    if (!list) return;
    const items = [...list.querySelectorAll("[data-roving-item]")];
    asked = null;
    if (event.key === "Enter" && editable(event.target) && list.hasAttribute("data-enter-first")) {
      event.preventDefault();
      if (answers(list, event.target)) items[0]?.click();
      else asked = { list, field: event.target };
      return;
    }
    if (!items.length) return;
    const current = items.findIndex((item) => item.contains(event.target));
    if (event.key in step) {
      if (editable(event.target) && current >= 0) return;
      const next = current < 0 && step[event.key] < 0 ? items.length - 1 : current + step[event.key];
      const target = items[Math.min(next, items.length - 1)];
      event.preventDefault();
      if (next < 0) {
        list.querySelector("input")?.focus();
        return;
      }
      items.forEach((item) => item.setAttribute("tabindex", item === target ? "0" : "-1"));
      target.focus();
    } else if ((event.key === "Home" || event.key === "End") && current >= 0 && !editable(event.target)) {
      event.preventDefault();
      items[event.key === "Home" ? 0 : items.length - 1].focus();
    } else if (event.key === "Enter" && items.includes(event.target) && event.target.tagName !== "A") {
      const primary = event.target.querySelector("[data-primary]");
      if (primary) {
        event.preventDefault();
        primary.click();
      }
    }
  };

  // Menus made of <details> close on Escape, on a click elsewhere, and when something in them was chosen.
  const closeMenus = (except) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (menu !== except) menu.removeAttribute("open");
    }
  };
  const escape = (event) => {
    if (event.key !== "Escape") return;
    const menu = event.target.closest?.("details.menu[open]");
    closeMenus();
    menu?.querySelector("summary")?.focus();
  };

  // A panel or dialog is opened by the page and knows no button: what had the focus before it gets it back.
  let outside = null;
  const dialogs = "[role=dialog]";
  const remember = (event) => {
    if (!event.target.closest?.(`${dialogs}, [data-radix-focus-guard]`)) outside = event.target;
  };
  const giveBack = (changes) => {
    const closed = changes.some((one) => [...one.removedNodes].some((node) => node.matches?.(dialogs)));
    const lost = document.activeElement === document.body && !document.querySelector(dialogs);
    if (closed && lost && outside?.isConnected) outside.focus();
  };

  document.addEventListener("focusin", remember);
  new MutationObserver(giveBack).observe(document.documentElement, { childList: true, subtree: true });
  document.addEventListener("keydown", toSearch);
  document.addEventListener("keydown", walk);
  document.addEventListener("keydown", escape);
  new MutationObserver(answer).observe(document, {
    attributes: true,
    attributeFilter: ["data-for"],
    subtree: true,
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-print]")) window.print();
    const menu = event.target.closest?.("details.menu");
    closeMenus(event.target.closest?.(".menu-item, .drawer a") ? null : menu);
  });
})();
