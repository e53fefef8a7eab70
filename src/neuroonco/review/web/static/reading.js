/*
 * The pages of a review room: keys, the time a question is looked at, work that is not saved, saves that fail, signing in.
 *
 * Pages work without it, by plain forms and links. With it, htmx posts the forms and swaps what the server answers into
 * #page: the next question (200), both judgements of a conflict (409), or a line into #problem (422). Everything else is
 * a save that did not happen: the page says so, keeps what was entered, and tries again with the same save id, which the
 * server takes once, however often it comes.
 */
(() => {
  "use strict";

  const TIMEOUT_MS = 30000;
  const TYPED = ["choice", "reason", "new_question", "comment"];
  const NOT_TYPED_INTO = new Set(["button", "checkbox", "radio", "range", "reset", "submit"]);

  let watched = null; // the judgement form on the page, what it held at first, and how long it was looked at
  let leaving = false; // the reader has said that what is not saved may go
  let afterSave = null; // where to go once the save that is under way is done
  let mustRenew = false; // the session changed: ask for the new one before the next try
  let renewedFor = null; // the form that was sent again by itself, once

  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const judgementForm = () => one("form[data-judgement]");

  // ------------------------------------------------------------------------------------------------ one question

  function held(form) {
    const data = new FormData(form);
    return JSON.stringify(TYPED.map((name) => String(data.get(name) ?? "").replaceAll("\r\n", "\n")));
  }

  function watch() {
    const form = judgementForm();
    if (watched?.form === form) return;
    const since = document.visibilityState === "visible" ? performance.now() : null;
    watched = form && { form, atFirst: held(form), seenMs: 0, since, sent: null };
  }

  function pauseOrGoOn() {
    if (!watched) return;
    const isVisible = document.visibilityState === "visible";
    if (watched.since !== null) watched.seenMs += performance.now() - watched.since;
    watched.since = isVisible ? performance.now() : null;
  }

  function seenSeconds() {
    pauseOrGoOn();
    return (watched.seenMs / 1000).toFixed(1);
  }

  const isDirty = () => Boolean(watched?.form.isConnected) && !leaving && held(watched.form) !== watched.atFirst;

  function newSaveId() {
    if (crypto.randomUUID) return crypto.randomUUID();
    const bytes = crypto.getRandomValues(new Uint8Array(16)); // randomUUID is missing where there is no TLS
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
  }

  /** What was sent may have arrived; with other content it is another save. */
  function changed(event) {
    const form = event.target.closest?.("form[data-judgement]");
    if (!form) return;
    const { reason } = form.elements;
    if (event.target === reason && reason.value) one("[data-reject]", form).checked = true;
    if (event.target.name === "choice" && !event.target.matches("[data-reject]")) reason.value = "";
    // A text field that loses the focus says "change" once more, of what was sent already.
    if (watched?.form === form && watched.sent !== null && held(form) !== watched.sent) {
      form.elements.save_id.value = newSaveId();
      watched.sent = null;
      one("#problem")?.replaceChildren();
    }
    const unsaved = one("[data-unsaved]", form);
    if (unsaved) unsaved.textContent = isDirty() ? "changed, not saved" : "not saved yet";
  }

  function choose(radio) {
    if (!radio) return;
    radio.checked = true;
    radio.focus({ preventScroll: true });
    radio.closest("label").scrollIntoView({ block: "nearest" });
    for (const name of ["input", "change"]) radio.dispatchEvent(new Event(name, { bubbles: true }));
  }

  // ------------------------------------------------------------------------------------------------ saying things

  function say(text) {
    const line = one("#announcement");
    if (line) line.textContent = text;
  }

  function localTimes(root) {
    for (const element of all("time[data-local]", root)) {
      const at = new Date(element.dateTime);
      if (Number.isNaN(at.valueOf())) continue;
      const time = at.toLocaleTimeString("en-GB");
      element.textContent = element.dataset.local === "date" ? `${at.toLocaleDateString("en-CA")} ${time}` : time;
      element.title = `${element.dateTime} UTC`.replace("+00:00", "");
    }
  }

  function clearTrouble() {
    const box = one("#trouble");
    if (!box) return;
    box.replaceChildren();
    box.hidden = true;
  }

  /** Ask once more: a form is sent again; a button that asks by itself, beside what is entered, is pressed again. */
  function tryAgain(asking) {
    if (asking?.matches("form")) asking.requestSubmit();
    else asking?.click();
  }

  /** Say that something was not saved, and offer to try again with what is still there. */
  function trouble(asking, why, { signIn = false } = {}) {
    const box = one("#trouble");
    if (!box) return;
    const what = asking?.matches("[data-judgement], [data-resolve]") ? "Not saved" : "Not done";
    const how = asking?.matches("[data-judgement]") ? " Enter tries again." : "";
    const line = document.createElement("p");
    line.textContent = `${what}: ${why} What you entered is kept.${how}`;
    const parts = [line];
    if (signIn) {
      const link = document.createElement("a");
      link.href = "/sign-in";
      link.target = "_blank";
      link.rel = "noopener";
      link.textContent = "Sign in, in a new tab";
      parts.push(link);
    }
    const again = document.createElement("button");
    again.type = "button";
    again.textContent = "Try again";
    again.addEventListener("click", () => tryAgain(asking));
    box.replaceChildren(...parts, again);
    box.hidden = false;
    afterSave = null;
  }

  // ------------------------------------------------------------------------------------------------ the session

  function useToken(csrf) {
    one('meta[name="csrf"]')?.setAttribute("content", csrf);
    if (document.body.hasAttribute("hx-headers")) {
      document.body.setAttribute("hx-headers", JSON.stringify({ "X-CSRF-Token": csrf }));
    }
    for (const field of all('input[name="csrf"]')) field.value = csrf;
  }

  /** Take over the session of a new sign-in, if it is the same person's. */
  async function renew(asking) {
    let response;
    try {
      response = await fetch("/session", { credentials: "same-origin", cache: "no-store" });
    } catch {
      trouble(asking, "the server cannot be reached.");
      return false;
    }
    if (response.status === 401) {
      trouble(asking, "you are not signed in any more.", { signIn: true });
      return false;
    }
    if (!response.ok) {
      trouble(asking, `the server answered ${response.status}.`);
      return false;
    }
    const { name, csrf } = await response.json();
    const mine = one("[data-reader]")?.textContent ?? "";
    if (name !== mine) {
      trouble(asking, `this is the page of ${mine}, and ${name} is signed in now.`, { signIn: true });
      return false;
    }
    useToken(csrf);
    mustRenew = false;
    return true;
  }

  async function sendAgain(asking) {
    if (await renew(asking)) tryAgain(asking);
  }

  // ------------------------------------------------------------------------------------------------ leaving

  /** Ask what becomes of work that is not saved. `go` is done after a save or at once; None: only after discarding. */
  function ask(go, { afterSaving = true } = {}) {
    const dialog = one("#leaving");
    if (!dialog || dialog.open) return;
    dialog.returnValue = "stay";
    dialog.addEventListener(
      "close",
      () => {
        if (dialog.returnValue === "save") {
          afterSave = afterSaving ? go : null;
          judgementForm()?.requestSubmit();
        } else if (dialog.returnValue === "discard") {
          leaving = true;
          go();
        } else one("[data-focus]")?.focus();
      },
      { once: true },
    );
    dialog.showModal();
  }

  function clicked(event) {
    const link = event.target.closest?.("a[href]");
    if (!link || event.defaultPrevented || event.button !== 0) return;
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    if (link.matches("[data-open-help]")) {
      const help = one("#help");
      if (help?.showModal) {
        event.preventDefault();
        if (!help.open) help.showModal();
      }
      return;
    }
    if (link.target || link.getAttribute("href").startsWith("#") || !isDirty()) return;
    event.preventDefault();
    ask(() => location.assign(link.href));
  }

  function submitted(event) {
    const form = event.target;
    if (form.method === "dialog") return;
    if (form.matches("[data-judgement]") && watched?.form === form) {
      form.elements.elapsed_s.value = seenSeconds();
      watched.sent = held(form);
    } else if (isDirty()) {
      event.preventDefault();
      event.stopImmediatePropagation();
      ask(() => form.requestSubmit(), { afterSaving: !form.matches("[data-undo]") });
      return;
    }
    if (mustRenew && form.hasAttribute("hx-post")) {
      event.preventDefault();
      event.stopImmediatePropagation();
      sendAgain(form);
    }
  }

  // ------------------------------------------------------------------------------------------------ answers

  function answered(event) {
    const { detail } = event;
    const { status } = detail.xhr;
    const form = detail.requestConfig?.elt;
    if (status === 409 || status === 422) {
      detail.shouldSwap = true;
      detail.isError = false;
    }
    if (status >= 400 && !detail.shouldSwap) return;
    clearTrouble();
    renewedFor = null;
    if (status === 200 && form?.matches("[data-judgement]") && afterSave) {
      const go = afterSave;
      afterSave = null;
      detail.shouldSwap = false;
      leaving = true;
      go();
      return;
    }
    afterSave = null;
    if (status !== 422) leaving = false;
  }

  function failed(event) {
    const { xhr, requestConfig } = event.detail;
    const asking = requestConfig?.elt;
    const status = xhr?.status ?? 0;
    if (status === 401 || status === 403) {
      mustRenew = true;
      if (status === 403 && asking && renewedFor !== asking) {
        renewedFor = asking; // signed in anew in another tab: the same save goes out once more by itself
        sendAgain(asking);
      } else trouble(asking, status === 401 ? "you are not signed in any more." : "the server refused it.", { signIn: true });
    } else if (status === 0) trouble(asking, "the server cannot be reached.");
    else trouble(asking, `the server answered ${status}.`);
  }

  /** After a refusal: to the field that is missing; else the focus stays where the reader has it. */
  function toWhatIsMissing() {
    const form = judgementForm();
    if (!form) return;
    const { choice, comment, reason } = form.elements;
    if (choice.value === "reject" && !reason.value) reason.focus();
    else if (choice.value && !comment.value.trim() && (comment.ariaRequired || reason.value === "other")) open("comment");
    else if (!form.contains(document.activeElement)) one("input[name=choice]:checked, input[name=choice]", form)?.focus();
  }

  function swapped(event) {
    const page = one("#page");
    if (!page || !(event.target === page || page.contains(event.target))) return;
    if (event.target.id === "problem") {
      toWhatIsMissing();
      return;
    }
    localTimes(page);
    watch();
    const form = event.detail.requestConfig?.elt;
    const line = one("[data-say]", page)?.textContent;
    const saved = one("[data-say-saved]", page)?.textContent;
    say(line ?? (form?.matches("[data-undo]") ? "Taken back." : (saved ?? "")));
    one("[data-focus]", page)?.focus();
  }

  // ------------------------------------------------------------------------------------------------ keys

  function isTypedInto(target) {
    if (!(target instanceof HTMLElement)) return false;
    if (target.isContentEditable || target.matches("textarea, select")) return true;
    return target.matches("input") && !NOT_TYPED_INTO.has(target.type);
  }

  /** Whether Enter in a list means the page, and not a line of the list; a browser that cannot tell says no. */
  function isClosed(list) {
    return CSS.supports("selector(:open)") && !list.matches(":open");
  }

  function send() {
    const form = judgementForm();
    const button = form && one("button[type=submit]", form);
    if (button) form.requestSubmit(button);
  }

  function open(name) {
    const more = one(`details[data-more="${name}"]`);
    if (!more) return;
    more.open = true;
    one("textarea", more).focus();
  }

  const KEYS = {
    a: () => choose(one("input[data-proposed]")),
    x: () => {
      choose(one("input[data-reject]"));
      one("select[name=reason]")?.focus();
    },
    e: () => open("wording"),
    c: () => open("comment"),
    j: () => one("a[data-next]")?.click(),
    k: () => one("a[data-previous]")?.click(),
    u: () => one("form[data-undo]")?.requestSubmit(),
    "?": () => one("[data-open-help]")?.click(),
  };

  function pressed(event) {
    if (event.defaultPrevented || event.isComposing || event.altKey || event.metaKey) return;
    const target = event.target instanceof Element ? event.target : document.body;
    if (one("dialog[open]")) {
      if (event.key === "?" && one("#help")?.open) one("#help").close();
      return;
    }
    if (event.key === "Enter" && event.ctrlKey) {
      event.preventDefault();
      if (!event.repeat) send();
      return;
    }
    if (event.key === "Enter" && !event.repeat && target.matches("select[name=reason]") && isClosed(target)) {
      event.preventDefault();
      send();
      return;
    }
    if (isTypedInto(target)) {
      if (event.key !== "Escape") return;
      event.preventDefault();
      target.blur();
      one("[data-focus]")?.focus();
      return;
    }
    if (event.ctrlKey || event.repeat) return;
    if (event.key === "Enter") {
      if (target.closest("a, button, summary") || !judgementForm()) return;
      event.preventDefault();
      send();
      return;
    }
    if (!judgementForm() && !["?", "j", "u"].includes(event.key)) return;
    const act = /^[0-9]$/.test(event.key) ? () => choose(one(`input[data-digit="${event.key}"]`)) : KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  // ------------------------------------------------------------------------------------------------ focus

  /** A button of the viewer that was clicked, not pressed by a key, leaves Enter to saving. */
  function clickedViewer(event) {
    if (!event.detail || !event.target.closest?.("[data-slice-viewer] :is(button, summary)")) return;
    const now = document.activeElement;
    if (now?.matches("[data-slice-viewer] :is(button, summary)") && !now.closest(".slice-viewer__notice")) {
      one("[data-focus]")?.focus({ preventScroll: true });
    }
  }

  /** A text that is opened is written into. */
  function toggled(event) {
    const more = event.target;
    if (!more.matches?.("details[data-more][open]") || document.activeElement !== one("summary", more)) return;
    one("textarea", more).focus();
  }

  // ------------------------------------------------------------------------------------------------ signing in

  /** A link to the sign-in has the token behind the #, which no server sees; it does not stay in the address. */
  function takeToken() {
    const field = one("input#token");
    if (!field || location.hash.length < 2) return;
    let token = location.hash.slice(1);
    try {
      token = decodeURIComponent(token);
    } catch {
      // it is not encoded
    }
    field.value = token;
    history.replaceState(null, "", location.pathname + location.search);
    one("button[type=submit]", field.form)?.focus();
  }

  document.addEventListener("keydown", pressed);
  document.addEventListener("click", clicked, true);
  document.addEventListener("click", clickedViewer);
  document.addEventListener("toggle", toggled, true);
  document.addEventListener("submit", submitted, true);
  document.addEventListener("input", changed);
  document.addEventListener("change", changed);
  document.addEventListener("visibilitychange", pauseOrGoOn);
  document.addEventListener("htmx:beforeSwap", answered);
  document.addEventListener("htmx:afterSettle", swapped);
  for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) document.addEventListener(name, failed);
  window.addEventListener("hashchange", takeToken);
  window.addEventListener("beforeunload", (event) => {
    if (isDirty()) event.preventDefault();
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) leaving = false;
  });

  if (window.htmx) {
    htmx.config.timeout = TIMEOUT_MS;
    htmx.config.refreshOnHistoryMiss = true; // the back button asks the server: nothing is kept in the browser
  }
  localTimes(document);
  takeToken();
  watch();
})();
