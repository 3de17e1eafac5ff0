// What is being typed, and the form it is typed in, outlive a lost connection: a server that was started anew knows no page
// any more and draws it from the beginning, with nothing open and empty fields. What lies over the page stands in its address
// (?over=), by which the server opens it again; the text is kept in this page's memory only, and forgotten when a form is sent
// or left.
(() => {
  const FIELDS = ["#page", "[role=dialog]"]
    .flatMap((where) => ["input", "textarea", "select"].map((field) => `${where} ${field}`))
    .join();
  const NEVER = ["password", "file", "hidden", "submit"];
  // How long after the page or the connection has come fields may still be drawn anew, and what was open opened again.
  const SETTLES_MS = 15000;
  const typed = new Map();
  let place = window.location.pathname;
  let settlesUntil = Date.now() + SETTLES_MS;
  let backUntil = 0;

  const offline = () => document.querySelector("[data-testid=offline]");
  const ticked = (field) => field.type === "checkbox" || field.type === "radio";
  const keyOf = (field) => (ticked(field) ? `${field.name}=${field.value}` : field.name);
  // Text without a form counts too. A select or box without one is an act of its own, which nobody wants done again.
  const homeOf = (field) =>
    field.form ??
    (ticked(field) || field.matches("select") ? null : field.closest("[role=dialog]") ?? field.closest("#page"));
  const called = (home, name) =>
    [...home.querySelectorAll("input, textarea, select")].filter((field) => field.name === name);

  document.addEventListener("input", (event) => {
    const field = event.target;
    if (!field.name || NEVER.includes(field.type) || !field.matches(FIELDS)) return;
    const home = homeOf(field);
    if (!home) return;
    if (window.location.pathname !== place) typed.clear();
    place = window.location.pathname;
    if (field.type === "radio") {
      for (const key of [...typed.keys()]) if (key.startsWith(`${field.name}=`)) typed.delete(key);
    }
    typed.set(keyOf(field), {
      value: ticked(field) ? field.checked : field.value,
      home,
      fields: called(home, field.name),
    });
  });
  let focused = null;
  document.addEventListener("focusin", ({ target }) => {
    const home = target.matches?.(FIELDS) ? homeOf(target) : null;
    focused = home ? { field: target, home } : null;
  });
  const forget = (event) => {
    if (!offline()) [...event.target.elements].forEach((field) => typed.delete(keyOf(field)));
  };
  document.addEventListener("submit", forget, true);

  const put = (field, value) => {
    if (ticked(field)) {
      if (field.checked !== value) field.click();
    } else if (field.value !== value) {
      // React listens to the setter of the element's class, not to the property of the element.
      Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), "value").set.call(field, value);
      field.dispatchEvent(new Event("input", { bubbles: true }));
      // What the page is told when a field is left, it is told now.
      if (!field.form) field.dispatchEvent(new FocusEvent("focusout", { bubbles: true }));
    }
  };
  const bringBack = () => {
    for (const field of document.querySelectorAll(FIELDS)) {
      if (typed.has(keyOf(field)) && homeOf(field) && !field.dataset.broughtBack) {
        field.dataset.broughtBack = "yes";
        put(field, typed.get(keyOf(field)).value);
      }
    }
  };

  // A field is drawn anew when somebody else has changed what it began with: what is being typed in it stays, and the
  // focus. Where the page itself keeps what is chosen ([data-kept=page]) there is nothing to put back.
  const stay = () => {
    for (const [key, one] of typed) {
      if (!one.home.isConnected || one.fields.every((field) => field.isConnected)) continue;
      one.fields = called(one.home, one.fields[0].name);
      const again = one.fields.find((field) => keyOf(field) === key && field.dataset.kept !== "page");
      if (again) put(again, one.value);
    }
    if (!focused || focused.field.isConnected || !focused.home.isConnected) return;
    const again = called(focused.home, focused.field.name).find((field) => keyOf(field) === keyOf(focused.field));
    focused = null;
    if (again && document.activeElement === document.body) again.focus();
  };

  // A form that was closed while all was well is given up: the next one of its kind may be another patient's.
  const giveUp = () => {
    for (const [key, { home }] of typed) if (!home.isConnected) typed.delete(key);
  };

  // The address says what lies over the page. It is taken out when that was closed, or cannot be opened again.
  let opened = null;
  const sayWhatIsOpen = () => {
    const url = new URL(window.location.href);
    const said = url.searchParams.get("over");
    const open = [...document.querySelectorAll("[data-over]")].pop()?.dataset.over || null;
    if (open === said) {
      opened = open;
      return;
    }
    const settles = Date.now() < settlesUntil;
    if (open) url.searchParams.set("over", open);
    else if (settles && (opened === null || Date.now() < backUntil)) return;
    else url.searchParams.delete("over");
    opened = open;
    window.history.replaceState(window.history.state, "", url);
  };

  let waits = false;
  const look = () => {
    if (offline()) {
      waits = true;
      opened = null;
    } else if (waits) {
      waits = false;
      backUntil = settlesUntil = Date.now() + SETTLES_MS;
      setTimeout(look, SETTLES_MS);
    }
    if (waits) return;
    sayWhatIsOpen();
    stay();
    if (Date.now() >= backUntil) giveUp();
    else if (window.location.pathname === place) bringBack();
  };
  new MutationObserver(look).observe(document, { childList: true, subtree: true });
  setTimeout(look, SETTLES_MS);
})();
