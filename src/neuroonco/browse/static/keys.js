/* Keys of browsing: j and k for the next and the previous, l for the list, / for the search, ? for help. */
(() => {
  "use strict";

  const NOT_TYPED_INTO = new Set(["button", "checkbox", "radio", "range", "reset", "submit"]);

  function isTypedInto(target) {
    if (!(target instanceof HTMLElement)) return false;
    if (target.isContentEditable || target.matches("textarea, select")) return true;
    return target.matches("input") && !NOT_TYPED_INTO.has(target.type);
  }

  function follow(rel) {
    const link = document.querySelector(`a[rel="${rel}"][href]:not([hidden])`);
    if (link) link.click();
    return Boolean(link);
  }

  function showHelp() {
    const help = document.getElementById("help");
    if (!help.open) help.showModal();
    return true;
  }

  const KEYS = {
    j: () => follow("next"),
    k: () => follow("prev"),
    l: () => follow("up"),
    "?": showHelp,
    "/": () => {
      const search = document.getElementById("search");
      if (search) search.focus();
      return Boolean(search);
    },
  };

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
    if (isTypedInto(event.target)) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (document.querySelector("dialog[open]")) return;
    if (Object.hasOwn(KEYS, event.key) && KEYS[event.key]()) event.preventDefault();
  });

  document.addEventListener("DOMContentLoaded", () => {
    for (const button of document.querySelectorAll("[data-help]")) {
      button.hidden = false;
      button.addEventListener("click", showHelp);
    }
  });
})();
