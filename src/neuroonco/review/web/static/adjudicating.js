/*
 * What the adjudicators' pages have beside reading.js: keys of the list, wordings taken by one click, and where one is
 * after the models' notes came. Pages work without it.
 */
(() => {
  "use strict";

  const one = (selector, root = document) => root.querySelector(selector);

  /** j and k go through the lines of the list; Enter opens the one that has the focus, or the first. */
  function pressed(event) {
    const list = one("[data-docket]");
    if (!list || one("dialog[open]") || event.isComposing) return;
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const target = event.target instanceof Element ? event.target : document.body;
    if (target.closest("input, select, textarea, button, summary")) return;
    const lines = [...list.querySelectorAll("a[data-line]")];
    const at = lines.indexOf(target.closest("a[data-line]"));
    if (event.key === "Enter") {
      if (target.closest("a") || event.repeat || !lines.length) return;
      event.preventDefault();
      lines[0].click();
      return;
    }
    if (event.key !== "j" && event.key !== "k") return;
    event.preventDefault(); // before reading.js, whose j goes to the next question
    const next = event.key === "j" ? Math.min(at + 1, lines.length - 1) : Math.max(at - 1, 0);
    lines[next]?.focus();
  }

  function clicked(event) {
    const button = event.target.closest?.("button[data-wording]");
    const field = button?.form?.elements.new_question;
    if (!field) return;
    field.value = button.dataset.wording;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  }

  function settled(event) {
    if (event.target.id === "models") event.target.focus();
  }

  document.addEventListener("keydown", pressed, true);
  document.addEventListener("click", clicked);
  document.addEventListener("htmx:afterSettle", settled);
})();
