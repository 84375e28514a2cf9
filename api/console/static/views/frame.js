// What the views of one catalog share: its name, what it holds, and the ways between them.

import { get, pathOf } from "../api.js";
import { fill, h, said } from "../dom.js";
import { KINDS, count, number } from "../words.js";

const TABS = [["search", "Search"], ["ask", "Ask"], ["add", "Add"]];

/** Show a catalog's frame; resolves to the catalog and the node for the view. Throws Problem. */
export async function frame(main, name, tab, signal) {
  const catalog = await get(pathOf(name), signal);
  document.title = `${name} · Sightline`;
  const body = h("div.view");
  fill(main,
    h("div.catalog-head",
      h("div", h("h1", said(name)), h("p.muted.small", { id: "holds" }, holds(catalog))),
      h("nav.tabs", { "aria-label": "Catalog" }, TABS.map(([view, words]) => h("a", {
        href: `#/c/${encodeURIComponent(name)}/${view}`, "aria-current": view === tab ? "page" : null,
      }, words)))),
    body);
  return { catalog, body };
}

export async function refresh(name, signal) {
  const node = document.getElementById("holds");
  const catalog = await get(pathOf(name), signal);
  if (node) fill(node, holds(catalog));
  return catalog;
}

/** `200 pictures · 3 not embedded`: those that wait, and those whose pictures failed. */
export function holds({ description, counts }) {
  const kinds = Object.entries(counts.by_kind).map(([kind, value]) => count(value, KINDS[kind].slice(0, -1).toLowerCase()));
  const parts = kinds.length ? kinds : [count(0, "item")];
  if (counts.pending) parts.push(`${number(counts.pending)} not embedded`);
  return [parts.join(" · "), description && [" — ", said(description)]];
}
