/*
 * Filters of a static folder, as the server has them: one value of each facet is enough, every facet counts, and the
 * counts say what a value would find with the other facets as they are. The choice stands after the # of the address,
 * so that links carry it. On the page of a slice, previous and next follow the choice.
 */
(() => {
  "use strict";

  const PAGE_SIZE = 60;

  function readChoice(data) {
    const names = new Set(data.facets.map((facet) => facet.name));
    const choice = { filters: new Map(), search: "", page: 1 };
    for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
      if (name === "id") choice.search = value.trim().toLowerCase();
      else if (name === "page" && /^[0-9]{1,7}$/.test(value)) choice.page = Math.max(1, Number(value));
      else if (names.has(name)) choice.filters.set(name, (choice.filters.get(name) ?? new Set()).add(value));
    }
    return choice;
  }

  function hashOf(choice, page) {
    const pairs = new URLSearchParams();
    for (const [name, values] of choice.filters) for (const value of values) pairs.append(name, value);
    if (choice.search) pairs.append("id", choice.search);
    if (page > 1) pairs.append("page", page);
    const text = pairs.toString();
    return text ? `#${text}` : "#";
  }

  function toggled(choice, name, token) {
    const filters = new Map([...choice.filters].map(([key, values]) => [key, new Set(values)]));
    const values = filters.get(name) ?? new Set();
    if (!values.delete(token)) values.add(token);
    if (values.size) filters.set(name, values);
    else filters.delete(name);
    return { filters, search: choice.search, page: 1 };
  }

  /** One flag a slice: has it one of the tokens. */
  function having(facet, tokens, size) {
    const found = new Uint8Array(size);
    facet.tokens.forEach((token, number) => {
      if (!tokens.has(token)) return;
      if (facet.holders) for (const at of facet.holders[number]) found[at] = 1;
      else for (let at = 0; at < size; at += 1) if (facet.codes[at] === number) found[at] = 1;
    });
    return found;
  }

  function chosen(data, choice, but) {
    const size = data.ids.length;
    const found = new Uint8Array(size).fill(1);
    if (choice.search) {
      const start = choice.search.startsWith("s") ? choice.search : `s${choice.search}`;
      for (let at = 0; at < size; at += 1) if (!data.ids[at].startsWith(start)) found[at] = 0;
    }
    for (const facet of data.facets) {
      const tokens = choice.filters.get(facet.name);
      if (!tokens || facet.name === but) continue;
      const own = having(facet, tokens, size);
      for (let at = 0; at < size; at += 1) found[at] &= own[at];
    }
    return found;
  }

  function countsOf(facet, found) {
    if (facet.holders) return facet.holders.map((holders) => holders.reduce((sum, at) => sum + found[at], 0));
    const counts = new Array(facet.tokens.length).fill(0);
    facet.codes.forEach((code, at) => {
      counts[code] += found[at];
    });
    return counts;
  }

  function positionsOf(found) {
    const positions = [];
    for (let at = 0; at < found.length; at += 1) if (found[at]) positions.push(at);
    return positions;
  }

  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  function facetPanel(facet, data, choice) {
    const counts = countsOf(facet, chosen(data, choice, facet.name));
    const picked = choice.filters.get(facet.name) ?? new Set();
    const list = make("ul");
    facet.tokens.forEach((token, number) => {
      if (!counts[number] && !picked.has(token)) return;
      const isChosen = picked.has(token);
      const link = make("a", { href: hashOf(toggled(choice, facet.name, token)) });
      if (isChosen) {
        link.setAttribute("aria-current", "true");
        link.className = "chosen";
        link.append(make("span", { "aria-hidden": "true" }, "✓ "));
      }
      link.append(facet.displays[number]);
      if (isChosen) link.append(make("span", { class: "visually-hidden" }, " (chosen; remove)"));
      list.append(make("li", {}, link, make("span", { class: "number muted" }, counts[number].toLocaleString("en"))));
    });
    if (!list.children.length) return null;
    const summary = make("summary", {}, facet.label);
    const panel = make("details", { class: "panel facet", "data-facet": facet.name }, summary, list);
    panel.open = facet.unfolded || picked.size > 0;
    return panel;
  }

  function card(data, at, hash) {
    const id = data.ids[at];
    const link = make("a", { href: `slices/${id}.html${hash === "#" ? "" : hash}` });
    if (data.pictures[at]) {
      const size = { width: "160", height: "160", alt: "", loading: "lazy", class: "card-picture" };
      link.append(make("img", { src: `thumbnails/${id}.jpg`, ...size }));
    } else {
      link.append(make("span", { class: "card-line" }, "no picture"));
    }
    link.append(make("code", {}, id));
    const lines = data.lines[at].map((line) => make("span", { class: "card-line" }, line));
    return make("li", { class: "card" }, link, ...lines);
  }

  function turnTo(selector, isThere, href) {
    const link = document.querySelector(selector);
    link.hidden = !isThere;
    if (isThere) link.href = href;
    else link.removeAttribute("href");
  }

  function showList(data) {
    const choice = readChoice(data);
    const positions = positionsOf(chosen(data, choice));
    const pages = Math.max(1, Math.ceil(positions.length / PAGE_SIZE));
    const page = Math.min(choice.page, pages);
    const first = (page - 1) * PAGE_SIZE;
    const shown = positions.slice(first, first + PAGE_SIZE);
    const folded = new Map();
    for (const panel of document.querySelectorAll("[data-facet]")) folded.set(panel.dataset.facet, panel.open);
    const panels = data.facets.map((facet) => facetPanel(facet, data, choice)).filter(Boolean);
    for (const panel of panels) panel.open = folded.get(panel.dataset.facet) ?? panel.open;
    document.querySelector("[data-facets]").replaceChildren(...panels);
    document.querySelector("[data-cards]").replaceChildren(...shown.map((at) => card(data, at, hashOf(choice))));
    const range = shown.length ? `, ${first + 1} to ${first + shown.length} shown` : "";
    const found = positions.length ? `${positions.length} of ${data.ids.length} slices${range}` : "No slice passes all filters";
    document.querySelector("[data-found]").textContent = found;
    document.querySelector("[data-page]").textContent = `Page ${page} of ${pages}`;
    turnTo("[data-previous-page]", page > 1, hashOf(choice, page - 1));
    turnTo("[data-next-page]", page < pages, hashOf(choice, page + 1));
    document.getElementById("search").value = choice.search;
    document.querySelector("[data-slices]").hidden = false;
  }

  function startList(data) {
    document.querySelector("[data-search]").addEventListener("submit", (event) => {
      event.preventDefault();
      const search = document.getElementById("search").value.trim().toLowerCase();
      location.hash = hashOf({ ...readChoice(data), search });
    });
    document.querySelector("[data-clear]").addEventListener("click", () => {
      location.hash = "";
    });
    addEventListener("hashchange", () => showList(data));
    showList(data);
  }

  /** Previous and next among the slices that are chosen; the links are there without this, over all slices. */
  function startSlice(data) {
    const choice = readChoice(data);
    const hash = hashOf(choice);
    if (hash === "#") return;
    const id = location.pathname.split("/").pop().replace(/\.html$/, "");
    const found = chosen(data, choice);
    const positions = positionsOf(found);
    const position = data.ids.indexOf(id);
    const before = positions.filter((at) => at < position);
    const after = positions.filter((at) => at > position);
    turnTo("[data-previous]", before.length, before.length ? `${data.ids[before[before.length - 1]]}.html${hash}` : "");
    turnTo("[data-next]", after.length, after.length ? `${data.ids[after[0]]}.html${hash}` : "");
    const place = found[position] ? `${before.length + 1} of ${positions.length}` : "";
    document.querySelector("[data-place]").textContent = place;
    document.querySelector("[data-list]").href = `../index.html${hash}`;
  }

  document.addEventListener("DOMContentLoaded", () => {
    const data = window.neurooncoSlices;
    if (!data) return;
    if (document.querySelector("[data-slices]")) startList(data);
    else startSlice(data);
  });
})();
