// What is being typed outlives a lost connection: a server that was started anew knows no page any more, draws it from
// the beginning, and with it empty fields. Kept in this page's memory only, and forgotten when a form is sent or left.
(() => {
  const FIELDS = ["#page", "[role=dialog]"]
    .flatMap((where) => ["input", "textarea", "select"].map((field) => `${where} ${field}`))
    .join();
  const NEVER = ["password", "file", "hidden", "submit"];
  // How long after the connection is back fields may still be drawn anew.
  const SETTLES_MS = 15000;
  const typed = new Map();
  let place = window.location.pathname;
  let backUntil = 0;

  const offline = () => document.querySelector("[data-testid=offline]");
  const ticked = (field) => field.type === "checkbox" || field.type === "radio";
  const called = (form, name) => [...form.elements].filter((field) => field.name === name);
  const keyOf = (field) => (ticked(field) ? `${field.name}=${field.value}` : field.name);

  document.addEventListener("input", (event) => {
    const field = event.target;
    if (!field.name || !field.form || NEVER.includes(field.type) || !field.matches(FIELDS)) return;
    if (window.location.pathname !== place) typed.clear();
    place = window.location.pathname;
    if (field.type === "radio") {
      for (const key of [...typed.keys()]) if (key.startsWith(`${field.name}=`)) typed.delete(key);
    }
    typed.set(keyOf(field), {
      value: ticked(field) ? field.checked : field.value,
      form: field.form,
      fields: called(field.form, field.name),
    });
  });
  let focused = null;
  document.addEventListener("focusin", ({ target }) => {
    focused = target.form && target.matches(FIELDS) ? { field: target, form: target.form } : null;
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
    }
  };
  const bringBack = () => {
    for (const field of document.querySelectorAll(FIELDS)) {
      if (field.form && typed.has(keyOf(field)) && !field.dataset.broughtBack) {
        field.dataset.broughtBack = "yes";
        put(field, typed.get(keyOf(field)).value);
      }
    }
  };

  // A field is drawn anew when somebody else has changed what it began with: what is being typed in it stays, and the
  // focus. Where the page itself keeps what is chosen ([data-kept=page]) there is nothing to put back.
  const stay = () => {
    for (const [key, one] of typed) {
      if (!one.form.isConnected || one.fields.every((field) => field.isConnected)) continue;
      one.fields = called(one.form, one.fields[0].name);
      const again = one.fields.find((field) => keyOf(field) === key && field.dataset.kept !== "page");
      if (again) put(again, one.value);
    }
    if (!focused || focused.field.isConnected || !focused.form.isConnected) return;
    const again = called(focused.form, focused.field.name).find((field) => keyOf(field) === keyOf(focused.field));
    focused = null;
    if (again && document.activeElement === document.body) again.focus();
  };

  // A form that was closed while all was well is given up: the next one of its kind may be another patient's.
  const giveUp = () => {
    for (const [key, { form }] of typed) if (!form.isConnected) typed.delete(key);
  };

  let waits = false;
  new MutationObserver(() => {
    if (offline()) waits = true;
    else if (waits) {
      waits = false;
      backUntil = Date.now() + SETTLES_MS;
    }
    if (waits) return;
    stay();
    if (Date.now() >= backUntil) giveUp();
    else if (window.location.pathname === place) bringBack();
  }).observe(document, { childList: true, subtree: true });
})();
