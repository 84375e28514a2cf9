// The documents of a catalog: listed with what was left out of them, and deleted.

import { get, pathOf, send } from "../api.js";
import { announce, button, fill, h, said } from "../dom.js";
import { confirmed } from "../parts.js";
import { to } from "../router.js";
import { count } from "../words.js";
import { refresh } from "./frame.js";

/** Show the first hundred documents in a section; nothing where there are none. */
export async function documents(section, catalog, signal) {
  const { data } = await get(`${pathOf(catalog)}/documents?limit=100`, signal);
  if (!data.length) return fill(section);
  return fill(section, h("h2", "Documents"),
    h("ul.plain.stack", { "aria-label": "Documents" }, data.map((one) => row(one, section, catalog, signal))));
}

function row(one, section, catalog, signal) {
  const name = one.title || one.file_name || one.id;
  const remove = button("Delete", () => deleted(one, name, section, catalog, signal), "quiet");
  remove.setAttribute("aria-label", `Delete ${name}`);
  return h("li.job", h("div.row.between",
    h("p.job-name", h("a", { href: to(["c", catalog, "search"], { document: one.id }) }, said(name)),
      h("span.muted.small", one.pages ? ` ${count(one.pages, "page")}` : " being read")),
    remove),
  one.notes.map((note) => h("p.small.muted", said(note))));
}

async function deleted(one, name, section, catalog, signal) {
  if (!await confirmed(`Delete “${name}”?`, "Its pages, figures and texts are deleted too.", "Delete it")) return;
  await send("DELETE", one.urls.self);
  announce(`${name} deleted`);
  await refresh(catalog, signal);
  await documents(section, catalog, signal);
}
