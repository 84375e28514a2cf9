// What was found: a grid of cards with picture, name, price, score and why it matched.

import { h, said } from "./dom.js";
import { openItem, thumbnail } from "./item.js";
import { picture } from "./pictures.js";
import { to } from "./router.js";
import { LISTS, cut, place, price, title } from "./words.js";

/** A grid of hits `{ item, score, ranks, snippet }`, or of items alone. */
export function grid(catalog, hits, words = "") {
  const label = hits.some((hit) => hit.ranks) ? "Results" : "Items";
  return h("ul.grid", { "aria-label": label }, hits.map((hit) => h("li", card(catalog, hit, words))));
}

function card(catalog, hit, words) {
  const { item, snippet } = hit;
  const shown = snippet && snippet !== title(item) ? snippet : "";
  return h("article.card", { "data-item": item.id },
    picture(thumbnail(catalog, item), "", item.kind === "text" ? "Text" : "No picture"),
    h("div.card-words",
      h("h3", opener(catalog, item)),
      h("p.line", h("span.price", price(item)), h("span.muted", place(item))),
      hit.ranks && why(hit),
      shown && h("p.snippet", marked(cut(shown, 140), words)),
      h("a.like", { href: to(["c", catalog, "search"], { like: item.id }), "aria-label": `More like ${title(item)}` }, "More like this")));
}

/** The name as a button that opens the item; the whole card takes its clicks. */
export function opener(catalog, item) {
  return h("button.opener", { type: "button", onclick: () => openItem(catalog, item.id) }, said(title(item)));
}

export function why({ score, ranks }) {
  const lists = Object.entries(ranks).map(([name, rank]) =>
    h("span.rank", { title: `Number ${rank} by ${LISTS[name] ?? name}` }, `${LISTS[name] ?? name} ${rank}`));
  return h("p.why", h("meter", { min: 0, max: 1, value: Math.max(0, score), "aria-label": "Score" }),
    h("span.score", score.toFixed(2)), lists);
}

export function marked(text, words) {
  const wanted = words.toLowerCase().match(/[\p{L}\p{N}]{3,}/gu) ?? [];
  if (!wanted.length) return said(text);
  const node = said("");
  for (const part of text.split(/([\p{L}\p{N}]+)/u)) {
    const found = wanted.some((word) => part.toLowerCase().startsWith(word));
    node.append(found ? h("mark", part) : part);
  }
  return node;
}
