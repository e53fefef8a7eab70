/*
 * The slice viewer: raw 8-bit or 16-bit values on a canvas, with a true window (center and width), zoom, pan and outline.
 *
 * It attaches to every [data-slice-viewer] in the page, and to those that htmx swaps in. The values come from
 * data-values-url (facts in the header X-Slice-Facts) or from the JSON block that data-data-id names, which also works
 * from file://. Needs slice_viewer.css; no inline script or style, so that it runs under a strict content policy.
 *
 * window.neuroonco.viewers is a Map from element to viewer; window.neuroonco.decodeBlock(block or id) decodes a block.
 *
 * The rules of the mouse, which tests compute too:
 *   drag             width + dx * range / 512, center + dy * range / 512; dx, dy in CSS pixels from where it began,
 *                    range = most - least of the slice; right is wider (less contrast), down is darker
 *   Shift-drag, or   the picture moves with the pointer; its middle of view stays inside the picture
 *   other buttons
 *   wheel            zoom times 2 ** (-delta / 400), about the pointer
 *   two fingers      move and zoom together
 */
(() => {
  "use strict";

  const api = (window.neuroonco ??= {});
  if (api.viewers) return;

  const DRAG_PIXELS_PER_RANGE = 512;
  const KEY_STEP_PIXELS = 16; // Shift+arrow is a drag of so many pixels
  const WHEEL_PER_DOUBLING = 400;
  const ZOOM_STEP = 1.25;
  const LEAST_ZOOM = 0.5;
  const MOST_ZOOM = 32;
  const SHARP_ABOVE_ZOOM = 3; // from here on single pixels are meant to be seen
  const TOUCH_SLOP_PIXELS = 6; // a second finger lands a little after the first
  const MOST_SIDE_PX = 16384;
  const OUTLINE = [213, 94, 0]; // vermilion: 5.4 to 1 on black, 3.9 to 1 on white, and no gray
  const FILL_KEY = "neuroonco.outline-fill";
  const FILL_AT_FIRST = 0.3;

  /** Something went wrong that the reader is told about in plain words. */
  class Trouble extends Error {}

  /** There is nothing to show, and trying again would not change that. */
  class Absent extends Trouble {}

  // ---------------------------------------------------------------------------------------------- values and window

  /** Gray of every value that can be stored: the same numbers as window_table.py, by DICOM PS3.3 C.11.2.1.2. */
  function windowTable(facts, center, width, inverted) {
    const { slope, intercept } = facts;
    const whole = slope === 1;
    const middle = whole ? center - 0.5 : center;
    const span = whole ? width - 1 : width;
    const table = new Uint8Array(2 ** facts.bits);
    for (let stored = 0; stored < table.length; stored += 1) {
      const x = intercept + slope * stored;
      let y = 0;
      if (x > middle + span / 2) y = 255;
      else if (x > middle - span / 2) y = ((x - middle) / span + 0.5) * 255;
      const gray = Math.min(255, Math.max(0, Math.floor(y + 0.5)));
      table[stored] = inverted ? 255 - gray : gray;
    }
    return table;
  }

  /** The window that makes `low` black and `high` white; as center_and_width in window_table.py. */
  function windowBetween(low, high, slope) {
    if (slope === 1) return [(low + high) / 2 + 0.5, Math.max(high - low + 1, 1)];
    return [(low + high) / 2, high - low];
  }

  /** Windows to step through, all from the facts; the first is the one shown at first. */
  function presetsOf(facts) {
    const { center, width } = facts;
    const [fullCenter, fullWidth] = windowBetween(facts.least, facts.most, facts.slope);
    return [
      { name: "default", label: "Default", center, width },
      { name: "full", label: "Full range", center: fullCenter, width: fullWidth },
      { name: "bright", label: "Brighter", center: center - width / 4, width },
      { name: "dark", label: "Darker", center: center + width / 4, width },
      { name: "narrow", label: "More contrast", center, width: width / 2 },
    ];
  }

  function checkedFacts(facts) {
    const side = (n) => Number.isInteger(n) && n >= 1 && n <= MOST_SIDE_PX;
    const numbers = ["slope", "intercept", "center", "width", "least", "most"];
    const good =
      facts !== null && typeof facts === "object" && side(facts.width_px) && side(facts.height_px) &&
      [1, 3].includes(facts.channels) && [8, 16].includes(facts.bits) &&
      numbers.every((name) => Number.isFinite(facts[name])) && facts.slope > 0;
    if (!good) throw new Trouble("The picture data are damaged: what they say about themselves makes no sense.");
    return Object.freeze({ ...facts });
  }

  const bytesOfValues = (facts) => (facts.width_px * facts.height_px * facts.channels * facts.bits) / 8;

  /** Stored values of a body of bytes; 16-bit ones are little-endian. */
  function valuesOf(facts, bytes) {
    if (bytes.length !== bytesOfValues(facts)) {
      throw new Trouble(`The picture data are damaged: ${bytes.length} bytes, expected ${bytesOfValues(facts)}.`);
    }
    if (facts.bits === 8) return bytes;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const values = new Uint16Array(bytes.length / 2);
    for (let at = 0; at < values.length; at += 1) values[at] = view.getUint16(2 * at, true);
    return values;
  }

  function maskOf(facts, bytes) {
    if (bytes.length !== facts.width_px * facts.height_px || bytes.some((value) => value > 1)) {
      throw new Trouble("The outline is damaged.");
    }
    return bytes;
  }

  /** Bytes of a zlib stream in base64; never more than expected, whatever the stream holds. */
  async function inflated(base64, expected) {
    const bytes = new Uint8Array(expected);
    let filled = 0;
    try {
      const packed = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate")).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        if (filled + value.length > expected) {
          await reader.cancel();
          throw new RangeError("too long");
        }
        bytes.set(value, filled);
        filled += value.length;
      }
    } catch {
      throw new Trouble("The picture data are damaged: they cannot be unpacked.");
    }
    if (filled !== expected) throw new Trouble(`The picture data are damaged: ${filled} bytes, expected ${expected}.`);
    return bytes;
  }

  /**
   * Decode a block {facts, zlib_base64, mask_zlib_base64}, or the one in the JSON script element with that id.
   * Returns {facts, values, mask}: values as Uint8Array or Uint16Array, mask as Uint8Array of 0 and 1, or null.
   */
  async function decodeBlock(blockOrId) {
    let block = blockOrId;
    if (typeof blockOrId === "string") {
      try {
        block = JSON.parse(document.getElementById(blockOrId).textContent);
      } catch {
        throw new Trouble("The picture data are damaged: this page has no readable block of them.");
      }
    }
    const facts = checkedFacts(block?.facts ?? null);
    const values = valuesOf(facts, await inflated(block.zlib_base64, bytesOfValues(facts)));
    const packed = block.mask_zlib_base64 ?? null;
    const mask = packed === null ? null : maskOf(facts, await inflated(packed, facts.width_px * facts.height_px));
    return { facts, values, mask };
  }

  /** Fetch from this server; every way to fail becomes a Trouble. A redirect means: sign in again. */
  async function answered(url, what, options, absent = null) {
    let response;
    try {
      response = await fetch(url, { credentials: "same-origin", redirect: "manual", ...options });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Trouble(`${what} could not be loaded: the server cannot be reached.`);
    }
    if (response.type === "opaqueredirect" || response.status === 401) {
      throw new Trouble("You are not signed in any more. Sign in again, and come back to this page.");
    }
    if (response.status === 403) throw new Trouble(`${what} may not be shown to you (403).`);
    if (response.status === 404 && absent) throw new Absent(absent);
    if (!response.ok) throw new Trouble(`${what} could not be loaded (${response.status}).`);
    return response;
  }

  async function bodyOf(response, what) {
    try {
      return new Uint8Array(await response.arrayBuffer());
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Trouble(`${what} could not be loaded: the connection broke.`);
    }
  }

  async function fetchedSlice(url, signal) {
    const response = await answered(url, "The picture", { signal });
    let facts;
    try {
      facts = JSON.parse(response.headers.get("X-Slice-Facts"));
    } catch {
      facts = null;
    }
    facts = checkedFacts(facts);
    return { facts, values: valuesOf(facts, await bodyOf(response, "The picture")), mask: null };
  }

  async function fetchedMask(url, facts, signal) {
    const response = await answered(url, "The outline", { signal }, "There is no outline of this picture.");
    return maskOf(facts, await bodyOf(response, "The outline"));
  }

  /** Pixels of the mask, and for each whether a neighbor (of four) is not in it, or it lies on the border. */
  function inkOf(facts, mask) {
    const { width_px: width, height_px: height } = facts;
    const places = [];
    const edges = [];
    for (let at = 0; at < mask.length; at += 1) {
      if (!mask[at]) continue;
      const x = at % width;
      const y = (at - x) / width;
      const inner = x > 0 && x < width - 1 && y > 0 && y < height - 1 &&
        mask[at - 1] && mask[at + 1] && mask[at - width] && mask[at + width];
      places.push(at);
      edges.push(inner ? 0 : 1);
    }
    return { places: Uint32Array.from(places), edges: Uint8Array.from(edges) };
  }

  // ------------------------------------------------------------------------------------------------------- elements

  /** An element with attributes and children; text is set as text, never as markup. */
  function made(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === true) element.setAttribute(name, "");
      else if (value !== false && value !== null) element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  }

  const shownNumber = (value) => String(Number.isInteger(value) ? value : Number(value.toPrecision(6)));
  const fillRemembered = () => {
    try {
      const stored = Number.parseFloat(sessionStorage.getItem(FILL_KEY));
      return stored >= 0 && stored <= 1 ? stored : FILL_AT_FIRST;
    } catch {
      return FILL_AT_FIRST; // storage can be forbidden
    }
  };
  const rememberFill = (value) => {
    try {
      sessionStorage.setItem(FILL_KEY, String(value));
    } catch {
      // It lasts for this picture only then.
    }
  };

  // --------------------------------------------------------------------------------------------------------- viewer

  class SliceViewer {
    #root;
    #label;
    #controller = new AbortController();
    #resizing;
    #frame = 0;
    #sayLater = 0;
    #parts = {};
    #values = null;
    #ink = null;
    #slice = null; // a canvas of the slice's own size
    #image = null;
    #grayStale = true;
    #preset = "default";
    #presets = [];
    #fill = fillRemembered();
    #maskShown = false;
    #maskBusy = false;
    #asked = false;
    #focusBefore = null;
    #middle = { x: 0, y: 0 }; // the point of the slice in the middle of the canvas, in slice pixels
    #size = { width: 0, height: 0, ratio: 1 }; // of the canvas, in CSS pixels, and device pixels for each of them
    #pointers = new Map();
    #gesture = null;
    #hover = null;

    facts = null;
    windowCenter = 0;
    windowWidth = 1;
    inverted = false;
    zoom = 1;

    constructor(root) {
      this.#root = root;
      this.#label = root.dataset.label || "MR slice";
      this.#build();
      this.#listen();
      this.#load();
    }

    // ------------------------------------------------------------------------------------- what others may use

    get state() {
      return this.#root.dataset.state;
    }

    get preset() {
      return this.#preset;
    }

    get maskShown() {
      return this.#maskShown;
    }

    get fill() {
      return this.#fill;
    }

    /** CSS pixels for one slice pixel, and where the slice's upper left corner lies on the canvas, in CSS pixels. */
    get placement() {
      const fit = Math.min(this.#size.width / this.facts.width_px, this.#size.height / this.facts.height_px);
      const scale = fit * this.zoom;
      return {
        scale,
        left: this.#size.width / 2 - this.#middle.x * scale,
        top: this.#size.height / 2 - this.#middle.y * scale,
      };
    }

    /** Gray of every stored value as shown now. */
    tableFor(center = this.windowCenter, width = this.windowWidth, inverted = this.inverted) {
      return windowTable(this.facts, center, width, inverted);
    }

    /** RGBA of the slice in its own size, as shown now, the outline included. */
    pixelsShown() {
      this.#refreshPixels();
      return new Uint8ClampedArray(this.#image.data);
    }

    setWindow(center, width) {
      this.#applyWindow(center, width, null);
    }

    setInverted(inverted) {
      this.inverted = inverted;
      this.#parts.invert.setAttribute("aria-pressed", String(inverted));
      this.#grayChanged();
      this.#say(inverted ? "Inverted" : "Not inverted");
    }

    applyPreset(name) {
      const preset = this.#presets.find((one) => one.name === name);
      this.#applyWindow(preset.center, preset.width, name);
      this.#say(`${preset.label}: ${this.#windowText()}`);
    }

    stepPreset(by) {
      const at = Math.max(0, this.#presets.findIndex((one) => one.name === this.#preset));
      const count = this.#presets.length;
      this.applyPreset(this.#presets[(at + by + count) % count].name);
    }

    /** Zoom about a point of the canvas (CSS pixels), which stays over the same place of the slice. */
    zoomBy(factor, x = this.#size.width / 2, y = this.#size.height / 2) {
      const before = this.placement;
      if (!(before.scale > 0)) return; // not laid out yet
      this.zoom = Math.min(MOST_ZOOM, Math.max(LEAST_ZOOM, this.zoom * factor));
      const after = this.placement.scale;
      this.#look(
        (x - before.left) / before.scale - (x - this.#size.width / 2) / after,
        (y - before.top) / before.scale - (y - this.#size.height / 2) / after,
      );
    }

    /** Move the picture, in CSS pixels. */
    moveBy(dx, dy) {
      const { scale } = this.placement;
      if (scale > 0) this.#look(this.#middle.x - dx / scale, this.#middle.y - dy / scale);
    }

    /** All as at first: window, inversion, zoom, place. */
    reset() {
      this.zoom = 1;
      this.inverted = false;
      this.#parts.invert.setAttribute("aria-pressed", "false");
      this.#look(this.facts.width_px / 2, this.facts.height_px / 2);
      this.#applyWindow(this.facts.center, this.facts.width, "default");
      this.#say("Window, zoom and position as at first");
    }

    /** Show or hide the outline; where showing it is logged, say so first. */
    async toggleMask() {
      if (!this.#parts.mask || !this.facts || this.#maskBusy) return;
      if (this.#ink) this.#showMask(!this.#maskShown);
      else if (this.#root.dataset.maskAskUrl && !this.#asked) this.#showNotice(this.#parts.notice.hidden);
      else await this.#fetchMask();
    }

    /** One of the viewer's keys; true where it was one. */
    key(event) {
      if (!this.facts) return false;
      const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      if (name === "+" || name === "=") this.#zoomByHand(ZOOM_STEP);
      else if (name === "-" || name === "_") this.#zoomByHand(1 / ZOOM_STEP);
      else if (event.repeat) return ["i", "m", "r", "[", "]"].includes(name);
      else if (name === "i") this.setInverted(!this.inverted);
      else if (name === "r") this.reset();
      else if (name === "[") this.stepPreset(-1);
      else if (name === "]") this.stepPreset(1);
      else if (name === "m" && this.#parts.mask) this.toggleMask();
      else return false;
      return true;
    }

    detach() {
      this.#controller.abort();
      this.#resizing.disconnect();
      cancelAnimationFrame(this.#frame);
      clearTimeout(this.#sayLater);
    }

    // ------------------------------------------------------------------------------------------- building, loading

    #button(label, action, attributes = {}) {
      const button = made("button", { type: "button", ...attributes }, label);
      button.addEventListener("click", action, { signal: this.#controller.signal });
      return button;
    }

    #group(label, ...children) {
      return made("div", { class: "slice-viewer__group", role: "group", "aria-label": label }, ...children);
    }

    #build() {
      const parts = this.#parts;
      const { maskUrl, maskAskUrl } = this.#root.dataset;
      parts.canvas = made("canvas", {
        class: "slice-viewer__canvas", role: "img", tabindex: "0", "aria-label": this.#label,
        "aria-keyshortcuts": "ArrowLeft ArrowRight ArrowUp ArrowDown",
      });
      parts.messageText = made("p");
      parts.retry = this.#button("Try again", () => this.#load(), { hidden: true });
      parts.message = made("div", { class: "slice-viewer__message" }, parts.messageText, parts.retry);
      const stage = made("div", { class: "slice-viewer__stage" }, parts.canvas, parts.message);

      parts.windowText = made("span", { "data-readout": "window" });
      parts.zoomText = made("span", { "data-readout": "zoom" });
      parts.valueText = made("span", { "data-readout": "value" });
      const readout = made("p", { class: "slice-viewer__readout" }, parts.windowText, parts.zoomText, parts.valueText);

      parts.presets = this.#group("Brightness presets");
      parts.invert = this.#button("Invert", () => this.setInverted(!this.inverted), {
        "aria-pressed": "false", "aria-keyshortcuts": "i",
      });
      const zoomButton = (sign, label, factor, key) =>
        this.#button(sign, () => this.#zoomByHand(factor, true), { "aria-label": label, "aria-keyshortcuts": key });
      const zooming = this.#group(
        "View", parts.invert,
        zoomButton("−", "Zoom out", 1 / ZOOM_STEP, "-"), zoomButton("+", "Zoom in", ZOOM_STEP, "Plus"),
        this.#button("Reset", () => this.reset(), { "aria-keyshortcuts": "r" }),
      );
      parts.controls = made(
        "fieldset", { class: "slice-viewer__controls", "aria-label": "Picture controls", disabled: true },
        parts.presets, zooming,
      );
      parts.status = made("p", { class: "slice-viewer__status", role: "status" });
      this.#root.replaceChildren(stage, readout, parts.controls, this.#buildMore(), parts.status);
      if (maskUrl) this.#buildMask(Boolean(maskAskUrl));
    }

    /** Window by number and moving by button, for those who cannot drag; and the keys. */
    #buildMore() {
      const parts = this.#parts;
      const { signal } = this.#controller;
      parts.center = made("input", { type: "number", step: "any" });
      parts.width = made("input", { type: "number", step: "any", min: "0" });
      // The number that was not typed keeps what the field has no place for.
      parts.center.addEventListener("change", () => this.#typed(parts.center.valueAsNumber, this.windowWidth), { signal });
      parts.width.addEventListener("change", () => this.#typed(this.windowCenter, parts.width.valueAsNumber), { signal });
      const move = (label, dx, dy) => this.#button(label, () => this.#moveByHand(dx, dy));
      parts.moreControls = made(
        "fieldset", { class: "slice-viewer__controls", "aria-label": "Window and position", disabled: true },
        made("label", {}, "Window center", parts.center), made("label", {}, "Window width", parts.width),
        this.#group("Move the picture", move("Left", -1, 0), move("Right", 1, 0), move("Up", 0, -1), move("Down", 0, 1)),
      );
      const keys = [
        ["[ ]", "previous and next preset"], ["i", "invert"], ["+ -", "zoom"], ["r", "reset"],
        ...(this.#root.dataset.maskUrl ? [["m", "outline"]] : []),
        ["Arrows", "move, when the picture has the focus"],
        ["Shift+arrows", "window: left and right for the width, up and down for the center"],
        ["Drag", "window"], ["Shift+drag, right button, two fingers", "move"], ["Wheel, pinch", "zoom"],
      ];
      const list = made("ul", { class: "slice-viewer__keys" });
      for (const [key, meaning] of keys) list.append(made("li", {}, made("kbd", {}, key), `: ${meaning}`));
      return made(
        "details", { class: "slice-viewer__more" },
        made("summary", {}, "Numbers, moving and keys"), parts.moreControls, list,
      );
    }

    #buildMask(asksFirst) {
      const parts = this.#parts;
      const { signal } = this.#controller;
      if (parts.maskGroup) return;
      parts.mask = this.#button("Outline", () => this.toggleMask(), {
        "aria-pressed": "false", "aria-keyshortcuts": "m",
      });
      parts.fill = made("input", { type: "range", min: "0", max: "100", step: "1" });
      parts.fill.value = String(Math.round(this.#fill * 100));
      parts.fill.addEventListener("input", () => {
        this.#fill = parts.fill.valueAsNumber / 100;
        rememberFill(this.#fill);
        this.#grayChanged();
      }, { signal });
      parts.fillLabel = made("label", { hidden: true }, "Fill", parts.fill);
      parts.maskGroup = this.#group("Outline", parts.mask, parts.fillLabel);
      parts.controls.append(parts.maskGroup);
      parts.maskTrouble = made("p", { role: "alert", hidden: true });
      parts.controls.after(parts.maskTrouble);
      if (!asksFirst) return;
      parts.confirm = this.#button("Show it, and log that", () => this.#fetchMask());
      const cancel = this.#button("Leave it hidden", () => this.#showNotice(false));
      parts.notice = made(
        "div", { class: "slice-viewer__notice", role: "group", "aria-label": "Before the outline is shown", hidden: true },
        made("p", {}, "Showing the outline is logged."), parts.confirm, cancel,
      );
      parts.notice.addEventListener("keydown", (event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        this.#showNotice(false);
      }, { signal });
      parts.maskTrouble.after(parts.notice);
    }

    #listen() {
      const { canvas } = this.#parts;
      const on = (name, action, options = {}) =>
        canvas.addEventListener(name, action, { ...options, signal: this.#controller.signal });
      on("pointerdown", (event) => this.#pointerDown(event));
      on("pointermove", (event) => this.#pointerMove(event));
      for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) on(name, (e) => this.#pointerUp(e));
      on("pointerleave", () => this.#hoverAt(null));
      on("wheel", (event) => this.#wheel(event), { passive: false });
      on("dblclick", () => this.facts && this.reset());
      on("contextmenu", (event) => event.preventDefault());
      on("mousedown", (event) => event.button === 1 && event.preventDefault()); // no automatic scrolling
      on("keydown", (event) => this.#arrow(event));
      // Enter and Space on a control are for that control, and no key of the page around it.
      this.#root.addEventListener("keydown", (event) => {
        const own = event.target.matches("button, summary, input[type=number]") && !event.ctrlKey;
        if (own && (event.key === "Enter" || event.key === " ")) event.stopPropagation();
      }, { signal: this.#controller.signal });
      this.#resizing = new ResizeObserver((entries) => this.#resized(entries[0]));
      try {
        this.#resizing.observe(canvas, { box: "device-pixel-content-box" });
      } catch {
        this.#resizing.observe(canvas); // a browser without this box
      }
    }

    async #load() {
      const { valuesUrl, dataId } = this.#root.dataset;
      const { message, messageText, retry, controls, moreControls } = this.#parts;
      this.#root.dataset.state = "loading";
      message.hidden = false;
      message.removeAttribute("role");
      retry.hidden = true;
      messageText.textContent = "Loading the picture …";
      try {
        const { signal } = this.#controller;
        const slice = valuesUrl ? await fetchedSlice(valuesUrl, signal) : await decodeBlock(dataId ?? "");
        if (signal.aborted) return;
        this.#take(slice);
      } catch (error) {
        if (this.#controller.signal.aborted) return;
        if (!(error instanceof Trouble)) reportError(error);
        message.setAttribute("role", "alert");
        messageText.textContent = error instanceof Trouble ? error.message : "The picture cannot be shown.";
        retry.hidden = false;
        this.#root.dataset.state = "failed";
        return;
      }
      message.hidden = true;
      controls.disabled = false;
      moreControls.disabled = false;
      this.#root.dataset.state = "shown";
    }

    #take({ facts, values, mask }) {
      const { width_px: width, height_px: height } = facts;
      this.facts = facts;
      this.#values = values;
      this.#slice = made("canvas", { width, height });
      this.#image = this.#slice.getContext("2d").createImageData(width, height);
      this.#image.data.fill(255);
      this.#presets = presetsOf(facts);
      this.#parts.presets.replaceChildren(...this.#presets.map(({ name, label }) =>
        this.#button(label, () => this.applyPreset(name), { "data-preset": name, "aria-pressed": "false" })));
      this.#middle = { x: width / 2, y: height / 2 };
      if (mask) {
        this.#ink = inkOf(facts, mask);
        this.#buildMask(false);
      }
      this.#applyWindow(facts.center, facts.width, "default");
    }

    // ---------------------------------------------------------------------------------------------------- changing

    #range() {
      return this.facts.most - this.facts.least || this.facts.slope;
    }

    #applyWindow(center, width, preset) {
      const { slope, width: first } = this.facts;
      if (!Number.isFinite(center) || !Number.isFinite(width)) return;
      const least = slope === 1 ? 1 : Math.min(slope, first > 0 ? first : slope);
      this.windowCenter = center;
      this.windowWidth = Math.max(least, width);
      this.#preset = preset;
      for (const button of this.#parts.presets.children) {
        button.setAttribute("aria-pressed", String(button.dataset.preset === preset));
      }
      this.#grayChanged();
    }

    #look(x, y) {
      // The middle of the view stays in the picture, so that it cannot be lost.
      this.#middle.x = Math.min(this.facts.width_px, Math.max(0, x));
      this.#middle.y = Math.min(this.facts.height_px, Math.max(0, y));
      this.#schedule();
    }

    #zoomByHand(factor, fromButton = false) {
      if (this.#hover && !fromButton) this.zoomBy(factor, this.#hover.x, this.#hover.y);
      else this.zoomBy(factor);
      this.#say(this.#zoomText(), true);
    }

    #moveByHand(x, y) {
      this.moveBy((x * this.#size.width) / 10, (y * this.#size.height) / 10);
    }

    #arrow(event) {
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!step || !this.facts || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      event.stopPropagation();
      if (!event.shiftKey) {
        this.#moveByHand(...step);
        return;
      }
      const unit = (KEY_STEP_PIXELS * this.#range()) / DRAG_PIXELS_PER_RANGE;
      this.setWindow(this.windowCenter + step[1] * unit, this.windowWidth + step[0] * unit);
      this.#say(this.#windowText(), true);
    }

    // ----------------------------------------------------------------------------------------------------- pointer

    #at(event) {
      const box = this.#parts.canvas.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    }

    #pointerDown(event) {
      if (!this.facts) return;
      const at = this.#at(event);
      this.#parts.canvas.focus({ preventScroll: true });
      this.#parts.canvas.setPointerCapture(event.pointerId);
      this.#pointers.set(event.pointerId, at);
      if (this.#pointers.size === 1) {
        const windows = event.pointerType === "touch" || (event.button === 0 && !event.shiftKey);
        this.#gesture = {
          kind: windows ? "window" : "move", start: at, center: this.windowCenter, width: this.windowWidth,
          slop: event.pointerType === "touch" ? TOUCH_SLOP_PIXELS : 0, moved: false,
        };
      } else {
        this.#gesture = { kind: "pinch", moved: true };
      }
    }

    #pointerMove(event) {
      const at = this.#at(event);
      if (event.pointerType !== "touch") this.#hoverAt(at);
      const last = this.#pointers.get(event.pointerId);
      if (!last) return;
      const kind = this.#gesture?.kind;
      if (kind === "pinch") this.#pinch(event.pointerId, at);
      else if (kind === "move") this.moveBy(at.x - last.x, at.y - last.y);
      else if (kind === "window") this.#dragWindow(at);
      this.#pointers.set(event.pointerId, at);
    }

    #dragWindow(at) {
      const { start, center, width, slop } = this.#gesture;
      const [dx, dy] = [at.x - start.x, at.y - start.y];
      if (!this.#gesture.moved && (Math.hypot(dx, dy) < slop || (dx === 0 && dy === 0))) return;
      this.#gesture.moved = true;
      const range = this.#range();
      this.setWindow(center + (dy * range) / DRAG_PIXELS_PER_RANGE, width + (dx * range) / DRAG_PIXELS_PER_RANGE);
    }

    #pinch(id, at) {
      const ids = [...this.#pointers.keys()].slice(0, 2);
      if (ids.length < 2 || !ids.includes(id)) return;
      const other = this.#pointers.get(ids.find((one) => one !== id));
      const last = this.#pointers.get(id);
      const apart = (one) => Math.hypot(one.x - other.x, one.y - other.y);
      this.moveBy((at.x - last.x) / 2, (at.y - last.y) / 2);
      if (apart(last) > 0 && apart(at) > 0) {
        this.zoomBy(apart(at) / apart(last), (at.x + other.x) / 2, (at.y + other.y) / 2);
      }
    }

    #pointerUp(event) {
      if (!this.#pointers.delete(event.pointerId)) return;
      if (this.#gesture?.kind === "window" && this.#gesture.moved) this.#say(this.#windowText());
      if (this.#gesture?.kind === "pinch") this.#say(this.#zoomText());
      this.#gesture = null; // a finger that stays does nothing until it is lifted
    }

    #wheel(event) {
      if (!this.facts) return;
      event.preventDefault();
      const pixels = event.deltaY * [1, 16, 100][event.deltaMode] * (event.ctrlKey ? 4 : 1); // a pinch on a pad is fine
      const at = this.#at(event);
      this.zoomBy(2 ** (-pixels / WHEEL_PER_DOUBLING), at.x, at.y);
      this.#say(this.#zoomText(), true);
    }

    #hoverAt(at) {
      this.#hover = at;
      if (this.facts) this.#showReadout();
    }

    // -------------------------------------------------------------------------------------------------------- mask

    #showNotice(shown) {
      const { notice, confirm, mask } = this.#parts;
      notice.hidden = !shown;
      if (shown) {
        this.#focusBefore = document.activeElement;
        confirm.focus();
        this.#say("Showing the outline is logged. Confirm to show it.");
      } else {
        const back = this.#focusBefore?.isConnected ? this.#focusBefore : mask;
        this.#focusBefore = null;
        back.focus({ preventScroll: true });
      }
    }

    async #fetchMask() {
      const { maskUrl, maskAskUrl } = this.#root.dataset;
      const { signal } = this.#controller;
      const { maskTrouble, notice } = this.#parts;
      if (this.#maskBusy) return; // a second click logs nothing twice
      this.#maskBusy = true;
      maskTrouble.hidden = true;
      if (notice && !notice.hidden) this.#showNotice(false);
      try {
        if (maskAskUrl && !this.#asked) {
          const token = document.querySelector('meta[name="csrf"]')?.content ?? "";
          await answered(maskAskUrl, "The outline", { method: "POST", headers: { "X-CSRF-Token": token }, signal });
          this.#asked = true;
          this.#root.dispatchEvent(new CustomEvent("slice-viewer:mask-shown", { bubbles: true }));
        }
        this.#ink = inkOf(this.facts, await fetchedMask(maskUrl, this.facts, signal));
        this.#showMask(true);
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof Trouble)) reportError(error);
        const text = error instanceof Trouble ? error.message : "The outline cannot be shown.";
        const again = error instanceof Absent ? [] : [" ", this.#button("Try again", () => this.#fetchMask())];
        maskTrouble.replaceChildren(text, ...again);
        maskTrouble.hidden = false;
      } finally {
        this.#maskBusy = false;
      }
    }

    #showMask(shown) {
      this.#maskShown = shown;
      this.#parts.mask.setAttribute("aria-pressed", String(shown));
      this.#parts.fillLabel.hidden = !shown;
      this.#grayChanged();
      this.#say(shown && !this.#ink.places.length ? "The outline is empty" : `Outline ${shown ? "shown" : "hidden"}`);
    }

    // ----------------------------------------------------------------------------------------------------- drawing

    #grayChanged() {
      this.#grayStale = true;
      this.#schedule();
    }

    #schedule() {
      if (this.#frame || this.#controller.signal.aborted) return;
      this.#frame = requestAnimationFrame(() => {
        this.#frame = 0;
        if (this.facts) this.#draw();
      });
    }

    #resized(entry) {
      const { width, height } = entry.contentRect;
      const ratio = window.devicePixelRatio || 1;
      const device = entry.devicePixelContentBoxSize?.[0];
      // The device's own count is exact where its pixels do not fit; an emulated screen states one of another density.
      const exact = device !== undefined && Math.abs(device.inlineSize - width * ratio) < 2;
      const { canvas } = this.#parts;
      canvas.width = Math.max(1, exact ? device.inlineSize : Math.round(width * ratio));
      canvas.height = Math.max(1, exact ? device.blockSize : Math.round(height * ratio));
      this.#size = { width, height, ratio: width > 0 ? canvas.width / width : ratio };
      if (this.facts) this.#draw(); // a canvas that was resized is empty: not later
    }

    #refreshPixels() {
      if (!this.#grayStale) return;
      const table = this.tableFor();
      const { data } = this.#image;
      const values = this.#values;
      if (this.facts.channels === 3) {
        for (let at = 0, from = 0; at < data.length; at += 4, from += 3) {
          data[at] = table[values[from]];
          data[at + 1] = table[values[from + 1]];
          data[at + 2] = table[values[from + 2]];
        }
      } else {
        for (let at = 0, from = 0; at < data.length; at += 4, from += 1) {
          data[at] = data[at + 1] = data[at + 2] = table[values[from]];
        }
      }
      if (this.#maskShown) this.#layInk(data);
      this.#slice.getContext("2d").putImageData(this.#image, 0, 0);
      this.#grayStale = false;
    }

    /** The border of the mask in full color, its inside as strong as the slider says; nothing outside the mask. */
    #layInk(data) {
      const { places, edges } = this.#ink;
      for (let one = 0; one < places.length; one += 1) {
        const strength = edges[one] ? 1 : this.#fill;
        const at = 4 * places[one];
        for (let part = 0; part < 3; part += 1) {
          data[at + part] = Math.floor(data[at + part] + (OUTLINE[part] - data[at + part]) * strength + 0.5);
        }
      }
    }

    #draw() {
      this.#refreshPixels();
      const { canvas } = this.#parts;
      const context = canvas.getContext("2d", { alpha: false });
      const { scale, left, top } = this.placement;
      const { ratio } = this.#size;
      context.fillStyle = "#000";
      context.fillRect(0, 0, canvas.width, canvas.height);
      context.imageSmoothingEnabled = this.zoom <= SHARP_ABOVE_ZOOM;
      context.imageSmoothingQuality = "high";
      const [width, height] = [this.facts.width_px * scale * ratio, this.facts.height_px * scale * ratio];
      context.drawImage(this.#slice, left * ratio, top * ratio, width, height);
      this.#showReadout();
    }

    // ----------------------------------------------------------------------------------------------------- telling

    #windowText() {
      return `window center ${shownNumber(this.windowCenter)}, width ${shownNumber(this.windowWidth)}`;
    }

    #zoomText() {
      return `zoom ${shownNumber(Math.round(this.zoom * 100) / 100)}×`;
    }

    /** Under the pointer; where there is none, in the middle of the view. */
    #valueText() {
      const { scale, left, top } = this.placement;
      const point = this.#hover ?? { x: this.#size.width / 2, y: this.#size.height / 2 };
      const x = Math.floor((point.x - left) / scale);
      const y = Math.floor((point.y - top) / scale);
      const { width_px: width, height_px: height, channels, slope, intercept } = this.facts;
      const where = this.#hover ? "pointer" : "middle";
      if (!(x >= 0 && y >= 0 && x < width && y < height)) return `${where}: outside`;
      const first = (y * width + x) * channels;
      const stored = [...this.#values.subarray(first, first + channels)];
      return `${where}: x ${x}, y ${y}, value ${stored.map((one) => shownNumber(intercept + slope * one)).join(" ")}`;
    }

    #showReadout() {
      this.#parts.windowText.textContent = this.#windowText();
      this.#parts.zoomText.textContent = this.#zoomText();
      this.#parts.valueText.textContent = this.#valueText();
      this.#showNumbers();
    }

    #typed(center, width) {
      this.setWindow(center, width); // nothing, where it is no number
      this.#showNumbers();
      this.#say(this.#windowText());
    }

    #showNumbers() {
      const { center, width } = this.#parts;
      if (document.activeElement !== center) center.value = shownNumber(this.windowCenter);
      if (document.activeElement !== width) width.value = shownNumber(this.windowWidth);
    }

    /** Tell a screen reader; later where more of the same is likely to follow. */
    #say(text, later = false) {
      clearTimeout(this.#sayLater);
      if (later) this.#sayLater = setTimeout(() => this.#say(text), 500);
      else this.#parts.status.textContent = text;
    }
  }

  // ----------------------------------------------------------------------------------------------------------- page

  const viewers = new Map();

  /** Let go of viewers whose element has left the page, and attach to those that came. */
  function attachViewers() {
    for (const [element, viewer] of viewers) {
      if (element.isConnected) continue;
      viewer.detach();
      viewers.delete(element);
    }
    for (const element of document.querySelectorAll("[data-slice-viewer]")) {
      if (!viewers.has(element)) viewers.set(element, new SliceViewer(element));
    }
  }

  const NOT_TYPED_INTO = new Set(["button", "checkbox", "radio", "range", "reset", "submit"]);

  function isTypedInto(target) {
    if (!(target instanceof HTMLElement)) return false;
    if (target.isContentEditable || target.matches("textarea, select")) return true;
    return target.matches("input") && !NOT_TYPED_INTO.has(target.type);
  }

  /** The viewer that a key is for: the one with the focus, or else the only one of the page. */
  function viewerOf(event) {
    if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return null;
    if (isTypedInto(event.target)) return null;
    const around = event.target instanceof Element ? event.target.closest("[data-slice-viewer]") : null;
    if (around) return viewers.get(around) ?? null;
    if (document.querySelector("dialog[open]")) return null;
    return viewers.size === 1 ? [...viewers.values()][0] : null;
  }

  api.viewers = viewers;
  api.attachViewers = attachViewers;
  api.decodeBlock = decodeBlock;

  document.addEventListener("keydown", (event) => {
    if (viewerOf(event)?.key(event)) event.preventDefault();
  });
  for (const name of ["htmx:load", "htmx:afterSwap"]) document.addEventListener(name, attachViewers);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", attachViewers);
  else attachViewers();
})();
