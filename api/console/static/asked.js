// What a search asks: words, a picture or an item, with filters; as a request and as an address.

import { send } from "./api.js";
import { fromQuery, toQuery } from "./filters.js";
import { without } from "./words.js";

const FIRST = 24;
export const MOST = 100;

/** A search as it stands. */
export class Asked {
  constructor(query) {
    this.words = query.get("q") ?? "";
    this.like = query.get("like") ?? "";
    this.mode = query.get("mode") ?? "auto";
    this.filters = fromQuery(query);
    this.picture = null;
    this.limit = FIRST;
    /** What is left of the filters that the words held, once one of them was taken away. */
    this.kept = null;
  }

  get isEmpty() {
    return !this.words.trim() && !this.like && !this.picture;
  }

  say(words) {
    Object.assign(this, { words, like: "", picture: null, kept: null, limit: FIRST });
  }

  show(picture) {
    Object.assign(this, { words: "", like: "", picture, kept: null, limit: FIRST, mode: "auto" });
  }

  filter(filters) {
    Object.assign(this, { filters, limit: FIRST });
  }

  /** Take away a filter that the words held: the rest of them holds on. */
  drop(chip, echoed) {
    this.kept = { words: echoed.searched_text, filters: without(echoed.parsed_filters, chip) };
    this.limit = FIRST;
  }

  get request() {
    const common = { limit: this.limit, filters: this.kept ? { ...this.kept.filters, ...this.filters } : this.filters };
    if (this.picture) return { body: this.form(common) };
    if (this.like) return { json: { ...common, item_id: this.like, mode: this.mode } };
    const words = this.kept?.words ?? this.words.trim();
    return { json: { ...common, text: words, mode: this.mode, parse_constraints: !this.kept } };
  }

  form({ limit, filters }) {
    const body = new FormData();
    body.append("image", this.picture, "picture");
    body.append("limit", limit);
    body.append("filters", JSON.stringify(filters));
    return body;
  }

  /** What an address can hold of it: all but a picture. */
  get query() {
    return { q: this.words, like: this.like, mode: this.mode === "auto" ? "" : this.mode, ...toQuery(this.filters) };
  }
}

/** The items of a catalog, where nothing is searched for. */
export async function listed(path, filters, after, signal) {
  const query = new URLSearchParams({ limit: FIRST, filters: JSON.stringify(filters), ...(after ? { after } : {}) });
  return (await send("GET", `${path}/items?${query}`, { signal })).json();
}
