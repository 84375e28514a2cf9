// Search as you type, by a dropped picture, or by an item; filters and what was understood as chips.

import { pathOf, result } from "../api.js";
import { Asked, MOST, listed } from "../asked.js";
import { announce, button, field, fill, h, said } from "../dom.js";
import { ACCEPTED_PICTURES, isPicture } from "../files.js";
import { Filters } from "../filters.js";
import { grid } from "../hits.js";
import { chipList, dropZone, empty, fileButton, problemBox } from "../parts.js";
import { preview } from "../pictures.js";
import { to } from "../router.js";
import { chips, count, without } from "../words.js";
import { bring, nothingYet } from "./add.js";
import { frame } from "./frame.js";

const TYPING = 150;
/** Milliseconds without a key before the words are searched. */
const MODES = [["auto", "Best of all"], ["image", "Pictures"], ["text", "Words and meaning"]];

export async function show(main, { params: [name], query, signal }) {
  const { catalog, body } = await frame(main, name, "search", signal);
  const view = new Search(catalog, new Asked(query), signal);
  dropZone(main, catalog.counts.items ? "Drop a picture to search by it" : "Drop to add", (files) => view.dropped(files), signal);
  fill(body, view.node);
  if (!matchMedia("(pointer: coarse)").matches) view.input.focus();
  await view.run();
}

class Search {
  constructor(catalog, asked, signal) {
    Object.assign(this, { catalog, asked, signal, path: pathOf(catalog.name) });
    this.input = h("input", {
      type: "search", value: asked.words, placeholder: "red leather jacket under $200", autocomplete: "off",
      spellcheck: false, "aria-label": "Search by words", oninput: () => this.typed(),
    });
    this.filters = new Filters(asked.filters, catalog.counts.by_kind, (filters) => { asked.filter(filters); this.run(); });
    this.by = h("div.by");
    this.chips = h("div.chip-rows");
    this.head = h("h2.result-head");
    this.results = h("section", { "aria-label": "Found" });
    this.node = h("div.stack", this.form(), this.by, this.panel(), this.chips, this.head, this.results);
  }

  form() {
    const form = h("form.search", { role: "search" }, this.input,
      fileButton("By picture", { accept: ACCEPTED_PICTURES }, (files) => this.dropped(files)));
    form.addEventListener("submit", (event) => { event.preventDefault(); this.now(); });
    return form;
  }

  panel() {
    const mode = h("select", { onchange: () => { this.asked.mode = mode.value; this.run(); } },
      MODES.map(([value, words]) => h("option", { value, selected: value === this.asked.mode }, words)));
    this.filters.node.append(field("Match", mode));
    return h("details.panel", { open: matchMedia("(min-width: 60rem)").matches }, h("summary", "Filters"), this.filters.node);
  }

  typed() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.now(), TYPING);
  }

  now() {
    clearTimeout(this.timer);
    if (this.input.value === this.asked.words && this.shown) return;
    this.asked.say(this.input.value);
    this.run();
  }

  dropped(files) {
    if (files.length === 1 && isPicture(files[0]) && this.catalog.counts.items) {
      this.asked.show(files[0]);
      this.input.value = "";
      this.run();
    } else {
      bring(files);
      location.hash = to(["c", this.catalog.name, "add"]);
    }
  }

  /** Ask the server; whatever was asked before and has not come is given up. */
  async run() {
    this.running?.abort(new DOMException("overtaken", "AbortError"));
    this.running = new AbortController();
    const signal = AbortSignal.any([this.signal, this.running.signal]);
    history.replaceState(null, "", to(["c", this.catalog.name, "search"], this.asked.query));
    this.showBy();
    this.results.setAttribute("aria-busy", "true");
    try {
      await (this.asked.isEmpty ? this.browse(signal) : this.search(signal));
    } catch (problem) {
      if (signal.aborted) return;
      fill(this.head);
      fill(this.results, problemBox(problem, () => this.run()));
    }
    this.shown = true;
    this.results.removeAttribute("aria-busy");
  }

  async search(signal) {
    const begun = performance.now();
    const found = await result(`${this.path}/searches`, { ...this.asked.request, signal });
    signal.throwIfAborted();
    this.showHits(found, Math.round(performance.now() - begun));
  }

  showHits({ hits, query, incomplete }, milliseconds) {
    const words = `${count(hits.length, "result")}${incomplete ? " (not all lists answered)" : ""}`;
    fill(this.head, words, h("span.muted.small", ` in ${milliseconds} ms`));
    announce(`${words} ${this.asked.words}`);
    this.filters.offer(hits.map((hit) => hit.item));
    this.showChips(query);
    const more = hits.length === this.asked.limit && this.asked.limit < MOST
      && button("Show more", () => { this.asked.limit = MOST; return this.run(); });
    fill(this.results, hits.length ? grid(this.catalog.name, hits, query.searched_text ?? "") : this.nothing(), more);
  }

  nothing() {
    const filtered = chips(this.asked.filters).length > 0;
    return empty("Nothing was found", filtered ? "The filters may be too narrow." : "Try other words, or a picture.",
      filtered && button("Take all filters away", () => this.take({})));
  }

  async browse(signal, after = "") {
    const page = await listed(this.path, this.asked.filters, after, signal);
    signal.throwIfAborted();
    this.filters.offer(page.data);
    if (!after) this.showChips({});
    const further = page.next && button("Show more", async () => { await this.browse(signal, page.next); further.remove(); });
    const shown = grid(this.catalog.name, page.data.map((item) => ({ item })));
    if (after) this.results.append(shown, further || "");
    else if (page.data.length) fill(this.results, shown, further);
    else fill(this.results, this.catalog.counts.items ? this.nothing() : nothingYet((files) => this.dropped(files)));
    if (!after) fill(this.head, page.data.length ? "Everything" : "");
  }

  showBy() {
    const { picture, like } = this.asked;
    const away = button("×", () => { this.asked.say(""); this.run(); this.input.focus(); }, "icon");
    away.setAttribute("aria-label", "Stop searching by this");
    if (picture) fill(this.by, h("p.chip.wide-chip", preview(picture, ""), h("span", "Like the picture ", said(picture.name)), away));
    else if (like) fill(this.by, h("p.chip.wide-chip", h("span", "More like ", said(like)), away));
    else fill(this.by);
  }

  take(filters) {
    this.asked.filter(filters);
    this.filters.show(filters);
    return this.run();
  }

  showChips({ parsed_filters: parsed = {}, searched_text: searched, text }) {
    const understood = this.asked.kept ? this.asked.kept.filters : parsed;
    const echoed = { parsed_filters: understood, searched_text: this.asked.kept?.words ?? searched };
    const own = chipList("Filters in force", chips(this.asked.filters), (chip) => this.take(without(this.asked.filters, chip)));
    const read = chipList("Understood from the words", chips(understood), (chip) => { this.asked.drop(chip, echoed); this.run(); }, "parsed");
    const words = this.asked.kept?.words ?? (searched !== text ? searched : "");
    fill(this.chips, own, (words || !read.hidden) && h("p.small.muted.understood", words && h("span", "Searched for “", said(words), "”"), read));
  }
}
