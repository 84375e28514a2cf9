// Values in words: prices, times, sizes, what an item is called, and filters as chips.

const NUMBER = new Intl.NumberFormat();
const TIME = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const AGO = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const SIGNS = { gt: "over", gte: "at least", lt: "under", lte: "at most" };
const STEPS = [["second", 60], ["minute", 60], ["hour", 24], ["day", Infinity]];
const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** A search's ranked lists, in a reader's words. */
export const LISTS = { image: "picture", text: "meaning", words: "words" };
export const KINDS = { image: "Pictures", page: "Pages", slide: "Slides", figure: "Figures", text: "Texts" };

export const number = (value) => NUMBER.format(value);

export const count = (value, word) => `${number(value)} ${word}${value === 1 ? "" : "s"}`;

export function price(item) {
  if (item.price === null || item.price === undefined) return "";
  if (!item.currency) return number(item.price);
  return new Intl.NumberFormat(undefined, { style: "currency", currency: item.currency }).format(item.price);
}

export const moment = (text) => TIME.format(new Date(text));

export function ago(text) {
  let value = Math.max(0, (Date.now() - new Date(text)) / 1000);
  for (const [unit, most] of STEPS) {
    if (value < most) return AGO.format(-Math.floor(value), unit);
    value /= most;
  }
  return "";
}

export function duration(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}

export function bytes(value) {
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) { value /= 1000; unit += 1; }
  return `${value < 10 && unit ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`;
}

/** What an item is called: what it shows, where its name is only its document's. */
export function title(item) {
  const own = item.document_id ? item.caption : item.name;
  return own || item.name || item.caption || cut(item.text, 80) || item.id;
}

export function cut(text, length) {
  if (!text || text.length <= length) return text || "";
  return `${text.slice(0, length).replace(/\s+\S*$/, "")} …`;
}

/** Where an item stands: `page 3 · figure`, behind its document's name where the title is another. */
export function place(item) {
  if (!item.page) return "";
  const name = item.name && item.name !== title(item) ? `${cut(item.name, 40)} · ` : "";
  const whole = item.kind === "page" || item.kind === "slide";
  return name + (whole ? `${item.kind} ${item.page}` : `page ${item.page} · ${item.kind}`);
}

/** The id of the page or slide that an item stands on, or null. */
export function pageOf(item) {
  return item.document_id && item.page ? `${item.document_id}.p${item.page}` : null;
}

const bounds = (range) => Object.entries(range).map(([sign, value]) => `${SIGNS[sign]} ${number(value)}`).join(" and ");
const listed = (value) => (Array.isArray(value) ? value : [value]);

/** A filter object as chips: `{ key, value, words }`, each of which can be taken away. */
export function chips(filters) {
  const made = [];
  const add = (key, value, words) => made.push({ key, value, words });
  for (const value of listed(filters.category ?? [])) add("category", value, `category ${value}`);
  if (filters.price) add("price", null, `price ${bounds(filters.price)} ${filters.currency || ""}`.trim());
  else if (filters.currency) add("currency", null, `in ${filters.currency}`);
  for (const value of listed(filters.tags ?? [])) add("tags", value, `tag ${value}`);
  for (const value of listed(filters.kind ?? [])) add("kind", value, `kind ${value}`);
  if (filters.document_id) add("document_id", null, `document ${filters.document_id}`);
  for (const [name, value] of Object.entries(filters.attributes ?? {})) add("attributes", name, attribute(name, value));
  return made;
}

function attribute(name, value) {
  if (value === null || typeof value !== "object") return `${name} ${value}`;
  return Array.isArray(value) ? `${name} ${value.join(" or ")}` : `${name} ${bounds(value)}`;
}

export function without(filters, chip) {
  const left = structuredClone(filters);
  if (chip.key === "price") delete left.currency;
  if (chip.key === "attributes") delete left.attributes[chip.value];
  else if (chip.value === null) delete left[chip.key];
  else left[chip.key] = listed(left[chip.key]).filter((one) => one !== chip.value);
  for (const name of Object.keys(left)) {
    if (typeof left[name] === "object" && !Object.keys(left[name] ?? {}).length) delete left[name];
  }
  return left;
}
