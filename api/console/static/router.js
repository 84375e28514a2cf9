// The address behind the `#` names a view; each is shown with a signal that ends when it is left.

import { mayAsk } from "./api.js";
import { fill } from "./dom.js";
import { problemBox } from "./parts.js";

/** Read `#/c/shop/search?q=boot`: the path's parts, decoded, and the query. */
export function read(hash) {
  const [path, query = ""] = hash.replace(/^#/, "").split("?");
  const parts = path.split("/").filter(Boolean).map(decoded);
  return { parts, query: new URLSearchParams(query) };
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** An address: `to(["c", "shop", "search"], { q: "boot" })`; empty values are left out. */
export function to(parts, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const words = new URLSearchParams(given).toString();
  return `#/${parts.map(encodeURIComponent).join("/")}${words ? `?${words}` : ""}`;
}

/** Show the views as the address says. `find(parts)` gives `{ view, params, show }`, or null. */
export function start(main, find) {
  let leaving = new AbortController();

  async function show() {
    const hash = location.hash || "#/";
    if (!hash.startsWith("#/")) return;
    const first = main.dataset.view === undefined;
    leaving.abort(new DOMException("left", "AbortError"));
    leaving = new AbortController();
    const { signal } = leaving;
    for (const open of document.querySelectorAll("dialog[open]")) open.close();
    const { parts, query } = read(hash);
    const found = find(parts);
    mark(found.view);
    main.dataset.view = found.view;
    mayAsk();
    try {
      await found.show(main, { params: found.params, query, signal });
      if (!signal.aborted && !first) land(main);
    } catch (problem) {
      if (!signal.aborted) fill(main, problemBox(problem, show));
    }
  }

  addEventListener("hashchange", show);
  return show();
}

function mark(view) {
  for (const link of document.querySelectorAll("nav [data-view]")) {
    if (link.dataset.view === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

/** Focus begins at the new view's heading, unless the view has put it elsewhere. */
export function land(main) {
  scrollTo(0, 0);
  if (main.contains(document.activeElement) && document.activeElement !== main) return;
  const heading = main.querySelector("h1");
  if (!heading) return;
  heading.tabIndex = -1;
  heading.focus();
}
