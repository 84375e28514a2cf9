// The catalogs: listed with what they hold, created, deleted.

import { get, pathOf, send } from "../api.js";
import { announce, button, field, fill, h, said } from "../dom.js";
import { thumbnail } from "../item.js";
import { confirmed, dialog, empty, problemBox } from "../parts.js";
import { picture } from "../pictures.js";
import { land, to } from "../router.js";
import { count } from "../words.js";
import { holds } from "./frame.js";

const PICTURED = JSON.stringify({ kind: ["image", "page", "slide", "figure"] });
const NAME = "[A-Za-z0-9][A-Za-z0-9._\\-]{0,63}";

export async function show(main, { signal }) {
  document.title = "Catalogs · Sightline";
  const list = h("div");
  let known = [];
  const create = button("New catalog", () => made(known), "primary");
  fill(main, h("div.head", h("h1", "Catalogs"), create), list);

  async function page(after, cards) {
    const found = await get(`/v1/catalogs?limit=24${after ? `&after=${encodeURIComponent(after)}` : ""}`, signal);
    known = [...known, ...found.data];
    cards.append(...found.data.map((catalog) => h("li", card(catalog, signal, () => show(main, { signal })))));
    if (!found.next) return;
    const more = button("Show more", async () => { await page(found.next, cards); more.remove(); });
    list.append(more);
  }

  const cards = h("ul.catalogs", { "aria-label": "Catalogs" });
  await page("", cards);
  if (known.length) list.prepend(cards);
  else list.append(first(known));
}

function first(known) {
  return empty("Make a first catalog",
    "A set of pictures and documents that are searched together. Name it, then drop files into it.",
    button("New catalog", () => made(known), "primary"));
}

function card(catalog, signal, again) {
  const pictures = h("div.mosaic", { "aria-hidden": "true" });
  const held = h("p.muted.small", "…");
  const remove = button("Delete", () => deleted(catalog, again), "quiet");
  remove.setAttribute("aria-label", `Delete ${catalog.name}`);
  look(catalog, pictures, held, signal);
  return h("article.card.catalog", { "data-catalog": catalog.name }, pictures,
    h("div.card-words",
      h("h2", h("a.opener", { href: to(["c", catalog.name, "search"]) }, said(catalog.name))),
      held,
      h("div.row.between.above", h("span.small.muted", { title: "Image model" }, said(catalog.image_model)), remove)));
}

async function look(catalog, pictures, held, signal) {
  try {
    const path = pathOf(catalog.name);
    const [whole, items] = await Promise.all([
      get(path, signal), get(`${path}/items?limit=4&filters=${encodeURIComponent(PICTURED)}`, signal)]);
    fill(held, holds(whole));
    fill(pictures, items.data.map((item) => picture(thumbnail(catalog.name, item))));
  } catch (problem) {
    if (!signal.aborted) fill(held, said(problem.message));
  }
}

async function deleted(catalog, again) {
  const { counts } = await get(pathOf(catalog.name));
  const words = `${count(counts.items, "item")} and all jobs of it are deleted. This cannot be undone.`;
  if (!await confirmed(`Delete the catalog “${catalog.name}”?`, words, "Delete it")) return;
  await send("DELETE", pathOf(catalog.name));
  announce(`Catalog ${catalog.name} deleted`);
  await again();
  land(document.getElementById("main"));
}

/** The form of a new catalog; models are the server's unless they are named. */
function made(known) {
  const name = h("input", { name: "name", required: true, pattern: NAME, maxLength: 64, autocomplete: "off", placeholder: "shop" });
  const description = h("input", { name: "description", maxLength: 1000, autocomplete: "off" });
  const image = h("input", { name: "image_model", placeholder: "the server’s", autocomplete: "off" });
  const words = h("input", { name: "text_model", placeholder: "the server’s, or none", autocomplete: "off" });
  const wrong = h("div");
  const form = h("form.stack",
    field("Name", name, "Letters, digits, dots, dashes; it stands in addresses."),
    field("Description", description),
    h("details", h("summary", "Models"),
      field("Image model", image, "It stays once something is embedded."),
      field("Text model", words)),
    wrong, h("div.row.end", h("button.primary", { type: "submit" }, "Create")));
  const shown = dialog("New catalog", h("h2", "New catalog"), form);
  shown.classList.add("small-dialog");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const values = { description: description.value, image_model: image.value, text_model: words.value };
    try {
      await create(name.value, Object.fromEntries(Object.entries(values).filter(([, value]) => value)), known);
      shown.close();
      location.hash = to(["c", name.value, "add"]);
    } catch (problem) {
      fill(wrong, problemBox(problem));
    }
  });
  name.focus();
}

async function create(name, settings, known) {
  if (known.some((catalog) => catalog.name === name)) {
    throw Object.assign(new Error(`There is a catalog “${name}” already.`), { code: "exists" });
  }
  await send("PUT", pathOf(name), { json: settings });
  announce(`Catalog ${name} created`);
}
