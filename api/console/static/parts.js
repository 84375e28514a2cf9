// Parts that every view uses: problems, empty states, dialogs, chips, a place to drop files.

import { button, field, fill, h, said } from "./dom.js";

/** An error, with what finds it again in the server's log. */
export function problemBox(problem, again) {
  const id = problem.requestId && h("span", " · request ", h("code", problem.requestId));
  const job = problem.job && h("span", " · job ", h("a", { href: `#/jobs/${problem.job}` }, problem.job));
  return h("div.problem", { role: "alert" },
    h("p", h("strong", said(problem.message))),
    h("ul.plain", (problem.errors || []).slice(0, 5).map((one) => h("li", wrong(one)))),
    h("p.small", h("code", problem.code || problem.name), id, job),
    again && button("Try again", again));
}

function wrong({ pointer, line, detail }) {
  return [h("code", line ? `line ${line}` : pointer || "body"), " ", said(detail)];
}

/** A view without anything in it, with what to do next. */
export function empty(heading, words, ...actions) {
  return h("div.empty", h("h2", heading), h("p", words), h("div.row.center", actions));
}

/** A modal dialog; closed, it goes away, and focus goes back where it was. */
export function dialog(label, ...children) {
  const back = document.activeElement;
  const close = h("button.icon.close", { type: "button", "aria-label": "Close" }, "×");
  const made = h("dialog", { "aria-label": label }, close, children);
  close.addEventListener("click", () => made.close());
  made.addEventListener("click", (event) => event.target === made && made.close());
  made.addEventListener("close", () => {
    made.remove();
    if (back?.isConnected) back.focus();
  });
  document.body.append(made);
  made.showModal();
  return made;
}

/** Ask before something that cannot be undone; resolves to the answer. */
export function confirmed(question, words, act) {
  return new Promise((resolve) => {
    const no = button("Keep it", () => made.close(), "quiet");
    const yes = button(act, () => made.close("yes"), "danger");
    const made = dialog(question, h("h2", question), h("p", words), h("div.row.end", no, yes));
    made.classList.add("small-dialog");
    made.addEventListener("close", () => resolve(made.returnValue === "yes"));
    no.focus();
  });
}

/** Ask for an API key; resolves to the key, or to "" where nobody gives one. */
export function askForKey(problem) {
  return new Promise((resolve) => {
    let given = "";
    const input = h("input", {
      type: "password", name: "key", autocomplete: "off", spellcheck: false, required: true,
      pattern: "\\s*[!-~]+\\s*", title: "A key has no spaces and plain letters only",
      placeholder: "sl_…", "aria-describedby": "key-words",
    });
    const form = h("form.stack", field("API key", input),
      h("div.row.end", h("button.primary", { type: "submit" }, "Use this key")));
    const made = dialog("API key", h("h2", "This server wants a key"),
      h("p", { id: "key-words" }, said(problem?.message || "Every request needs one."),
        " It is kept in this tab alone and forgotten when the tab is closed."), form);
    made.classList.add("small-dialog");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      given = input.value.trim();
      made.close();
    });
    made.addEventListener("close", () => resolve(given));
    input.focus();
  });
}

/** Chips that can be taken away, each telling which it is. */
export function chipList(label, chips, take, look = "") {
  return h("ul", { className: `chips ${look}`, "aria-label": label, hidden: !chips.length },
    chips.map((chip) => h("li.chip", said(chip.words),
      h("button", { type: "button", "aria-label": `Remove ${chip.words}`, onclick: () => take(chip) }, "×"))));
}

/** Let files be dropped on a node; `words` says what will happen. */
export function dropZone(node, words, take, signal) {
  const veil = h("div.veil", { hidden: true, "aria-hidden": "true" }, h("p", words));
  node.append(veil);
  let inside = 0;
  const show = (depth) => { inside = depth; veil.hidden = depth <= 0; };
  const on = (name, act) => node.addEventListener(name, (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    act(event);
  }, { signal });
  on("dragenter", () => show(inside + 1));
  on("dragleave", () => show(inside - 1));
  on("dragover", () => {});
  on("drop", (event) => { show(0); take([...event.dataTransfer.files]); });
}

/** The file chooser: the keyboard's way to what others drop. */
export function fileButton(words, { accept, multiple, look = "" }, take) {
  const input = h("input", { type: "file", accept, multiple, hidden: true, tabIndex: -1 });
  input.setAttribute("aria-label", words);
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = "";
    if (files.length) take(files);
  });
  return h("span.file", h("button", { type: "button", className: look, onclick: () => input.click() }, words), input);
}

export function facts(pairs) {
  const given = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== false);
  return fill(h("dl.facts"), given.map(([name, value]) => [h("dt", name), h("dd", value)]));
}
