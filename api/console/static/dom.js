// Makes elements. Words from anybody are only ever text here: no function takes markup.

const MARKUP = ["innerHTML", "outerHTML", "srcdoc", "style"];
const SVG = "http://www.w3.org/2000/svg";

/** An element: `h("button.quiet", { type: "button" }, "Cancel")`, `h("p", "Words")`; null is left out. */
export function h(tag, ...children) {
  const [name, ...classes] = tag.split(".");
  const node = document.createElement(name);
  if (classes.length) node.className = classes.join(" ");
  const properties = children[0]?.constructor === Object ? children.shift() : {};
  for (const [key, value] of Object.entries(properties)) set(node, key, value);
  node.append(...present(children));
  return node;
}

function set(node, key, value) {
  if (MARKUP.includes(key)) throw new TypeError(`${key} is not set from a script`);
  if (value === undefined || value === null) return;
  if (typeof value === "function") node.addEventListener(key.slice(2), value);
  else if (key in node && key !== "list" && !key.includes("-")) node[key] = value;
  else node.setAttribute(key, value);
}

function present(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...present(children));
  return node;
}

/** Somebody's words, kept apart from ours: a mark for another direction ends with them. */
export function said(words, tag = "bdi") {
  return h(tag, { dir: "auto" }, String(words));
}

export function fill(node, ...children) {
  node.replaceChildren(...present(children));
  return node;
}

let labels = 0;

/** A control with its label, and a hint that is read after it. */
export function field(words, control, hint) {
  const id = `label-${labels += 1}`;
  control.setAttribute("aria-labelledby", id);
  if (hint) control.setAttribute("aria-describedby", `${id}-hint`);
  return h("label.field", h("span.label", { id }, words), control, hint && h("span.small.muted", { id: `${id}-hint` }, hint));
}

/** A button; `act` may take its time, is not begun twice, and what it throws is told by the page. */
export function button(words, act, look = "") {
  const node = h("button", { type: "button", className: look }, words);
  node.addEventListener("click", async (event) => {
    if (node.getAttribute("aria-disabled") === "true") return;
    node.setAttribute("aria-disabled", "true");
    try {
      await act(event);
    } catch (problem) {
      document.dispatchEvent(new CustomEvent("problem", { detail: problem }));
    } finally {
      node.removeAttribute("aria-disabled");
    }
  });
  return node;
}

let pending;

/** Tell a screen reader; of words that come fast, the last. */
export function announce(words) {
  clearTimeout(pending);
  pending = setTimeout(() => { document.getElementById("live").textContent = words; }, 200);
}

/** Call `act` at once and every so many milliseconds while the page is seen, until the signal. */
export function every(milliseconds, act, signal) {
  const tick = async () => {
    if (signal.aborted) return;
    if (!document.hidden) await act();
    setTimeout(tick, milliseconds);
  };
  return tick();
}
