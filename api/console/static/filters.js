// The filters of a search as controls, as an object of the contract, and in an address.

import { field, h } from "./dom.js";
import { KINDS } from "./words.js";

const LISTED = ["category", "tags", "kind"];

export function fromQuery(query) {
  const found = {};
  for (const name of LISTED) if (query.get(name)) found[name] = query.get(name).split("|");
  const range = {};
  if (query.get("from")) range.gte = Number(query.get("from"));
  if (query.get("to")) range.lte = Number(query.get("to"));
  if (Object.values(range).some(Number.isFinite)) found.price = range;
  if (query.get("document")) found.document_id = query.get("document");
  if (query.get("more")) found.attributes = parsed(query.get("more"));
  return found;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

/** Filters as an address holds them; bounds that only words can say are in it too. */
export function toQuery(filters) {
  const query = {};
  for (const name of LISTED) query[name] = (filters[name] ?? []).join("|");
  query.from = filters.price?.gte ?? "";
  query.to = filters.price?.lte ?? "";
  query.document = filters.document_id ?? "";
  query.more = filters.attributes ? JSON.stringify(filters.attributes) : "";
  return query;
}

/** The controls of the filters; `changed(filters)` is told each change. */
export class Filters {
  constructor(filters, byKind, changed) {
    this.filters = filters;
    this.changed = changed;
    this.categories = h("datalist", { id: "categories" });
    this.category = this.input("text", "shoes", "categories");
    this.from = this.input("number", "0");
    this.to = this.input("number", "any");
    this.tags = this.input("text", "red, leather");
    this.kinds = Object.keys(KINDS).filter((kind) => byKind[kind]).map((kind) => this.kind(kind, byKind[kind]));
    this.node = h("div.filters", { role: "group", "aria-label": "Filters" },
      field("Category", this.category), this.categories,
      h("div.pair", field("Price from", this.from), field("to", this.to)),
      field("Tags", this.tags),
      this.kinds.length > 1 && h("fieldset.kinds", h("legend.label", "Kind"), this.kinds.map((one) => one.label)));
    this.show(filters);
  }

  input(type, placeholder, list) {
    const control = h("input", { type, placeholder, list, autocomplete: "off", inputMode: type === "number" ? "decimal" : "text" });
    if (type === "number") Object.assign(control, { min: "0", step: "any" });
    control.addEventListener("change", () => this.read());
    return control;
  }

  kind(name, count) {
    const box = h("input", { type: "checkbox", value: name });
    box.addEventListener("change", () => this.read());
    return { box, label: h("label.toggle", box, h("span", KINDS[name], h("span.muted", ` ${count}`))) };
  }

  show(filters) {
    this.filters = filters;
    this.category.value = (filters.category ?? []).join(", ");
    this.from.value = filters.price?.gte ?? "";
    this.to.value = filters.price?.lte ?? "";
    this.tags.value = (filters.tags ?? []).join(", ");
    for (const { box } of this.kinds) box.checked = (filters.kind ?? []).includes(box.value);
  }

  read() {
    const { document_id, attributes } = this.filters;
    const range = bounds(this.from.valueAsNumber, this.to.valueAsNumber);
    const kind = this.kinds.filter(({ box }) => box.checked).map(({ box }) => box.value);
    const made = { category: split(this.category.value), price: range, tags: split(this.tags.value), kind, document_id, attributes };
    this.filters = Object.fromEntries(Object.entries(made).filter(([, value]) => value?.length || (value && Object.keys(value).length)));
    this.changed(this.filters);
  }

  /** Offer the categories of what was seen: the server lists none. */
  offer(items) {
    const known = new Set([...this.categories.options].map((option) => option.value));
    for (const { category } of items) {
      if (category && !known.has(category) && known.size < 100) {
        known.add(category);
        this.categories.append(h("option", { value: category }));
      }
    }
  }
}

const split = (text) => text.split(",").map((part) => part.trim()).filter(Boolean);

function bounds(from, to) {
  const made = {};
  if (Number.isFinite(from)) made.gte = from;
  if (Number.isFinite(to)) made.lte = to;
  return made;
}
