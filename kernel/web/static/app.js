// Small helps for every page. Each page works without them; nothing here decides anything.

const each = (selector, act, root = document) => root.querySelectorAll(selector).forEach(act);

// What only works with a script shows itself.
each("[data-needs-script]", (element) => { element.hidden = false; });

// An error summary takes the focus; its links focus the field, not only scroll to it.
each(".govuk-error-summary", (summary) => {
  summary.tabIndex = -1;
  summary.focus();
  summary.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    const field = link && document.getElementById(link.hash.slice(1));
    if (!field) return;
    event.preventDefault();
    (field.closest(".govuk-form-group") || field).scrollIntoView();
    field.focus({ preventScroll: true });
  });
});
each(".govuk-notification-banner[role='alert']", (banner) => {
  banner.tabIndex = -1;
  banner.focus();
});

// Show and hide what is typed into a password field.
each(".govuk-password-input", (group) => {
  const field = group.querySelector(".govuk-js-password-input-input");
  const button = group.querySelector(".govuk-js-password-input-toggle");
  const words = group.dataset;
  if (!field || !button) return;
  const status = document.createElement("div");
  status.className = "govuk-visually-hidden";
  status.setAttribute("aria-live", "polite");
  button.after(status);
  button.hidden = false;
  const turn = (shown) => {
    field.type = shown ? "text" : "password";
    button.textContent = shown ? words["i18n.hidePassword"] : words["i18n.showPassword"];
    button.setAttribute("aria-label", shown ? words["i18n.hidePasswordAriaLabel"] : words["i18n.showPasswordAriaLabel"]);
    status.textContent = shown ? words["i18n.passwordShownAnnouncement"] : words["i18n.passwordHiddenAnnouncement"];
  };
  button.addEventListener("click", () => turn(field.type === "password"));
  if (field.form) {
    field.form.addEventListener("submit", () => { field.type = "password"; });
  }
});

// Say when Caps Lock is on.
each("[data-capslock-for]", (note) => {
  const field = document.getElementById(note.dataset.capslockFor);
  if (!field) return;
  const look = (event) => {
    if (event.getModifierState) note.hidden = !event.getModifierState("CapsLock");
  };
  field.addEventListener("keydown", look);
  field.addEventListener("keyup", look);
  field.addEventListener("blur", () => { note.hidden = true; });
});

// Requirements turn to "met" while one types: data-pattern must match, data-not-pattern must not.
each("[data-rules-for]", (list) => {
  const field = document.getElementById(list.dataset.rulesFor);
  if (!field) return;
  const fold = (text) => text.toLowerCase();
  const look = () => {
    each("li", (item) => {
      const { pattern, notPattern, absent } = item.dataset;
      if (pattern === undefined && notPattern === undefined && absent === undefined) return;
      const met = field.value !== ""
        && (pattern === undefined || new RegExp(pattern, "u").test(field.value))
        && (notPattern === undefined || !new RegExp(notPattern, "u").test(field.value))
        && (absent === undefined || !absent.split(" ").some((part) => part && fold(field.value).includes(fold(part))));
      item.dataset.met = String(met);
      const word = item.querySelector("[data-met-word]");
      if (word) word.hidden = !met;
    }, list);
  };
  field.addEventListener("input", look);
  look();
});

// A form is sent once: a second click within five seconds does nothing.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "true";
  setTimeout(() => { delete form.dataset.sent; }, 5000);
});
addEventListener("pageshow", (event) => {
  if (event.persisted) each("form[data-sent]", (form) => { delete form.dataset.sent; });
});

// A part of the page that is still changing looks again every data-refresh seconds, until the server says it is done.
// Only pieces (direct children with an id) that read differently are replaced, so a status role announces news alone.
each("[data-refresh]", (part) => {
  const seconds = Number(part.dataset.refresh);
  const again = () => setTimeout(look, seconds * 1000);
  const look = async () => {
    if (document.hidden || part.contains(document.activeElement)) return again();
    let answer;
    try {
      answer = await fetch(location.href, { redirect: "manual", credentials: "same-origin" });
    } catch {
      return again();
    }
    if (!answer.ok) return undefined;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(part.id);
    if (!fresh) return location.reload();
    for (const piece of part.children) {
      const news = fresh.querySelector(`#${piece.id}`);
      if (news && news.textContent !== piece.textContent) piece.replaceChildren(...news.childNodes);
    }
    return fresh.dataset.refresh ? again() : undefined;
  };
  again();
});
