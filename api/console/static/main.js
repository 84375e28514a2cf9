// Starts the console: which address shows which view, the key, and what the top line tells.

import { key, keepKey, onUnauthorized, readiness } from "./api.js";
import { announce, every, fill, h } from "./dom.js";
import { askForKey, dialog, empty, problemBox } from "./parts.js";
import { start } from "./router.js";
import { onUpload, underWay } from "./uploads.js";
import * as add from "./views/add.js";
import * as ask from "./views/ask.js";
import * as catalogs from "./views/catalogs.js";
import * as health from "./views/health.js";
import * as jobs from "./views/jobs.js";
import * as search from "./views/search.js";

const READY_EVERY = 10_000;
const OF_A_CATALOG = { search, ask, add };

function find([first, ...rest]) {
  if (first === undefined) return { view: "catalogs", params: [], show: catalogs.show };
  if (first === "c" && rest.length && (rest[1] ?? "search") in OF_A_CATALOG) {
    return { view: "catalogs", params: [rest[0]], show: OF_A_CATALOG[rest[1] ?? "search"].show };
  }
  if (first === "jobs") return { view: "jobs", params: rest, show: rest.length ? jobs.showOne : jobs.show };
  if (first === "health") return { view: "health", params: [], show: health.show };
  return { view: "", params: [], show: nothing };
}

async function nothing(main) {
  document.title = "Not found · Sightline";
  fill(main, h("h1.hidden", "Not found"),
    empty("Nothing is at this address", "The link may be old.", h("a.button.primary", { href: "#/" }, "Go to the catalogs")));
}

/** The key's button: shown where a key is kept, or was asked for. */
function keys() {
  const shown = document.getElementById("key");
  const tell = () => {
    shown.hidden = false;
    shown.textContent = key() ? "Forget key" : "Enter key";
  };
  shown.addEventListener("click", async () => {
    keepKey(key() ? "" : await askForKey());
    dispatchEvent(new Event("hashchange"));
  });
  document.addEventListener("key", tell);
  if (key()) tell();
  onUnauthorized(async (problem) => {
    tell();
    const given = await askForKey(key() ? problem : null);
    if (given) keepKey(given);
    return Boolean(given);
  });
}

async function ready() {
  const shown = document.getElementById("ready");
  let status = "unreachable";
  try {
    ({ status } = await readiness());
  } catch {
    // The words say it.
  }
  if (shown.dataset.status && shown.dataset.status !== status) announce(`The server is ${status}`);
  shown.dataset.status = status;
  shown.querySelector(".ready-words").textContent = status;
}

function running() {
  const shown = document.getElementById("running");
  const count = underWay();
  shown.hidden = !count;
  shown.textContent = count;
  shown.title = `${count} under way`;
}

const main = document.getElementById("main");
const { signal } = new AbortController();
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
// A file that is dropped beside every place for it must not take the page away.
for (const name of ["dragover", "drop"]) addEventListener(name, (event) => event.preventDefault());
document.addEventListener("problem", ({ detail }) => {
  if (detail.name !== "AbortError") dialog("Problem", h("h2", "This did not work"), problemBox(detail)).classList.add("small-dialog");
});
keys();
onUpload(running, signal);
every(READY_EVERY, ready, signal);
start(main, find);
