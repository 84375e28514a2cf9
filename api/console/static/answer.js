// An answer with its sources: numbers in the text are links that lead to what they stand for.

import { fill, h, said } from "./dom.js";
import { marked, opener, why } from "./hits.js";
import { thumbnail } from "./item.js";
import { picture } from "./pictures.js";
import { count, cut, number, place, price } from "./words.js";

const MARKER = /(\[\d{1,3}\])/;

export function answered(catalog, job) {
  const { result } = job;
  // Short words of a question say nothing of where its answer stands.
  const asked = (result.query?.searched_text ?? "").split(/\s+/).filter((word) => word.length > 3).join(" ");
  const cards = new Map(result.sources.map((source) => [source.number, card(catalog, source, asked)]));
  const cited = result.sources.filter((source) => source.cited).length;
  const heading = result.mode === "generated" && cited ? `Sources, ${cited} cited` : "Sources";
  return [
    result.mode === "generated" ? written(result, cards) : unwritten(result, cards),
    result.ranking && ranking(result, cards),
    usage(job),
    cards.size > 0 && h("h2", heading),
    cards.size > 0 && h("ol.sources", { "aria-label": "Sources" }, [...cards.values()]),
  ];
}

function written(result, cards) {
  return h("div.answer", h("h2", "Answer"), paragraphs(result.answer, cards));
}

/** Without a provider nothing is made up: the passages that were found speak for themselves. */
function unwritten(result, cards) {
  return h("div.answer.unwritten", h("h2", "No answer was written"),
    h("p", said(result.reason)),
    h("p.muted.small", "This is what was found, as it stands in the catalog:"),
    paragraphs(result.answer, cards));
}

function paragraphs(text, cards) {
  return text.split(/\n+/).filter(Boolean).map((line) => h("p", { dir: "auto" }, linked(line, cards)));
}

/** Text in which `[1]` is a link to source 1, where there is one. */
function linked(text, cards) {
  return text.split(MARKER).map((part) => {
    const value = MARKER.test(part) && Number(part.slice(1, -1));
    return cards.has(value) ? citation(value, cards) : part;
  });
}

function citation(value, cards) {
  const link = h("a.citation", { href: `#source-${value}`, "aria-label": `Source [${value}]` }, `[${value}]`);
  link.addEventListener("click", (event) => { event.preventDefault(); reach(cards.get(value)); });
  return link;
}

/** Bring a source into sight, light it up, and let the keyboard go on from there. */
function reach(card) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  for (const lit of document.querySelectorAll(".source.lit")) lit.classList.remove("lit");
  card.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "center" });
  card.classList.add("lit");
  card.focus({ preventScroll: true });
}

function ranking({ ranking: entries, sources }, cards) {
  const numbers = new Map(sources.map((source) => [source.item.id, source]));
  return h("ol.ranking", { "aria-label": "Ranking" }, entries.map(({ item_id: id, fits, explanation }) => {
    const source = numbers.get(id);
    return h("li", h("div.row", h("b", said(source?.item.name || id)), source && citation(source.number, cards),
      h("span", { className: `status ${fits ? "succeeded" : "canceled"}` }, fits ? "fits" : "does not fit")),
    h("p.muted", said(explanation)));
  }));
}

function card(catalog, source, asked) {
  const { item, number: value, snippet, cited } = source;
  const node = h("li.source", { id: `source-${value}`, tabIndex: -1, "data-item": item.id, "aria-label": `Source ${value}` });
  return fill(node,
    h("span.source-number", { "aria-hidden": "true" }, value),
    picture(thumbnail(catalog, item), "", item.kind === "text" ? "Text" : "No picture"),
    h("div.card-words",
      h("h3", opener(catalog, item)),
      h("p.line", h("span.price", price(item)), h("span.muted", place(item)), cited && h("span.status.succeeded", "cited")),
      why(source),
      snippet && h("p.snippet", marked(cut(snippet, 260), asked))));
}

function usage({ result, usage: used, started_at: from, ended_at: until }) {
  if (!result.provider) return null;
  const seconds = (new Date(until) - new Date(from)) / 1000;
  const tokens = result.usage && `${number(result.usage.input_tokens)} tokens in, ${number(result.usage.output_tokens)} out`;
  const parts = [result.provider, result.model, tokens, used?.calls && count(used.calls, "call"), `${seconds.toFixed(1)} s`];
  return h("p.small.muted", said(parts.filter(Boolean).join(" · ")));
}
