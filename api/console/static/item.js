// One item in a dialog: its picture, everything that is known of it, and ways on from there.

import { get, pathOf } from "./api.js";
import { fill, h, said } from "./dom.js";
import { dialog, facts, problemBox } from "./parts.js";
import { picture } from "./pictures.js";
import { to } from "./router.js";
import { moment, number, pageOf, price, title } from "./words.js";

const itemPath = (catalog, id) => `${pathOf(catalog)}/items/${encodeURIComponent(id)}`;

/** Where a small picture of an item is; of a text, that of the page it stands on. */
export function thumbnail(catalog, item) {
  const id = item.sha256 ? item.id : pageOf(item);
  return id ? `${itemPath(catalog, id)}/image?size=thumbnail` : null;
}

export async function openItem(catalog, id) {
  const body = h("div.item", h("p.muted", "Loading…"));
  const shown = dialog("Item", body);
  try {
    const item = await get(itemPath(catalog, id));
    shown.setAttribute("aria-label", title(item));
    fill(body, whole(catalog, item, shown));
  } catch (problem) {
    fill(body, problemBox(problem));
  }
}

function whole(catalog, item, shown) {
  const page = pageOf(item);
  const address = item.sha256 ? item.urls.image : page && `${itemPath(catalog, page)}/image`;
  return [
    picture(address, item.caption || title(item), "No picture"),
    h("div.stack",
      h("h2", said(title(item))),
      h("p.price", price(item)),
      h("div.row", ways(catalog, item, page, shown)),
      h("ul.tags", { "aria-label": "Tags", hidden: !item.tags.length }, item.tags.map((tag) => h("li", said(tag)))),
      known(item),
      item.text && h("details", { open: item.kind === "text" }, h("summary", "Text"), said(item.text, "p"))),
  ];
}

function ways(catalog, item, page, shown) {
  const go = (words, href) => h("a.button", { href, onclick: () => shown.close() }, words);
  const opens = (id) => { shown.close(); openItem(catalog, id); };
  return [
    go("More like this", to(["c", catalog, "search"], { like: item.id })),
    page && page !== item.id && h("button", { type: "button", onclick: () => opens(page) }, `Open page ${item.page}`),
    item.document_id && go("In this document", to(["c", catalog, "search"], { document: item.document_id })),
  ];
}

function known(item) {
  const more = Object.entries(item.attributes).map(([name, value]) =>
    [said(name), said(typeof value === "object" ? JSON.stringify(value) : value)]);
  return facts([
    ["Id", h("code", said(item.id))],
    ["Kind", item.kind],
    ["Page", item.page],
    ["Caption", item.caption && [said(item.caption), item.captioned_by && h("span.muted", ` by ${item.captioned_by}`)]],
    ["Description", item.description && said(item.description)],
    ["Category", item.category && said(item.category)],
    ["Document", item.document_id && said(item.document_id)],
    ["Box", item.box && `${item.box.map((value) => number(Math.round(value))).join(", ")} pt`],
    ["Source", item.source_url && source(item.source_url)],
    ...more,
    ["Added", moment(item.created_at)],
    ["Changed", moment(item.updated_at)],
    ["SHA-256", item.sha256 && h("code.break", item.sha256)],
  ]);
}

/** A stranger's address as a link, where it is one of the web's. */
function source(url) {
  if (!/^https?:\/\//i.test(url)) return said(url);
  return h("a", { href: url, rel: "noreferrer noopener", target: "_blank" }, said(url));
}
