// A question to a catalog, answered with numbered sources: each number leads to its picture or page.

import { follow, pathOf, send } from "../api.js";
import { answered } from "../answer.js";
import { announce, button, field, fill, h } from "../dom.js";
import { Filters, fromQuery, toQuery } from "../filters.js";
import { problemBox } from "../parts.js";
import { to } from "../router.js";
import { bring, nothingYet } from "./add.js";
import { frame } from "./frame.js";

const STYLES = [["answer", "An answer"], ["rank", "A ranking"]];
const DETAILS = [["low", "Low"], ["high", "High"]];
const PROVIDERS = [["", "Any with a key"], ["openai", "OpenAI"], ["anthropic", "Anthropic"], ["none", "Nobody"]];
const SECONDS = 20;

export async function show(main, { params: [name], query, signal }) {
  const { catalog, body } = await frame(main, name, "ask", signal);
  if (!catalog.counts.items) {
    fill(body, nothingYet((files) => { bring(files); location.hash = to(["c", name, "add"]); }));
    return;
  }
  const view = new Ask(catalog, query, signal);
  fill(body, view.node);
  view.question.focus();
}

class Ask {
  constructor(catalog, query, signal) {
    Object.assign(this, { catalog, signal, path: pathOf(catalog.name), asked: fromQuery(query) });
    this.question = h("textarea", {
      rows: 2, required: true, maxLength: 10000, value: query.get("q") ?? "",
      placeholder: "How is the impeller replaced?", onkeydown: (event) => this.pressed(event),
    });
    this.style = choice(STYLES, query.get("style"));
    this.detail = choice(DETAILS, query.get("detail"));
    this.provider = choice(PROVIDERS, query.get("provider"));
    this.filters = new Filters(this.asked, catalog.counts.by_kind, (filters) => { this.asked = filters; });
    this.working = h("div");
    this.result = h("section", { "aria-label": "Answer" });
    this.node = h("div.stack", this.form(), this.working, this.result);
  }

  form() {
    const form = h("form.ask", field("Question", this.question),
      h("div.row.wrap", field("As", this.style), field("Detail of pictures", this.detail), field("Asked of", this.provider),
        h("button.primary.ask-button", { type: "submit" }, "Ask")),
      h("details.panel", h("summary", "Filters"), this.filters.node));
    form.addEventListener("submit", (event) => { event.preventDefault(); this.run(); });
    return form;
  }

  /** Enter asks, as in a chat; with Shift it is a new line. */
  pressed(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.question.form.requestSubmit();
  }

  get request() {
    const json = { question: this.question.value.trim(), style: this.style.value, detail: this.detail.value, filters: this.asked };
    return this.provider.value ? { ...json, provider: this.provider.value } : json;
  }

  async run() {
    const asked = this.request;
    if (!asked.question) return;
    this.running?.abort(new DOMException("overtaken", "AbortError"));
    this.running = new AbortController();
    const signal = AbortSignal.any([this.signal, this.running.signal]);
    const address = { q: asked.question, style: asked.style, detail: asked.detail, provider: asked.provider, ...toQuery(this.asked) };
    history.replaceState(null, "", to(["c", this.catalog.name, "ask"], address));
    fill(this.result);
    try {
      this.show(await this.answer(asked, signal));
    } catch (problem) {
      if (!signal.aborted) fill(this.result, problemBox(problem, () => this.run()));
    }
    if (!signal.aborted) fill(this.working);
  }

  /** The ended job; while it runs it can be canceled. */
  async answer(json, signal) {
    const began = performance.now();
    const stop = h("span");
    const words = h("span", "Looking for sources…");
    fill(this.working, h("p.row.muted", h("span.spinner", { "aria-hidden": "true" }), words, stop));
    announce("Looking for an answer");
    const job = await (await send("POST", `${this.path}/answers`, { json, signal })).json();
    if (!job.ended_at) fill(stop, button("Cancel", () => send("POST", job.urls.cancel), "quiet"));
    return follow(job, () => {
      words.textContent = `Reading the sources… ${Math.round((performance.now() - began) / 1000)} s`;
    }, signal, SECONDS);
  }

  show(job) {
    if (job.status !== "succeeded") {
      const error = job.error ?? { code: `job_${job.status}`, detail: `The question was ${job.status}.` };
      throw Object.assign(new Error(error.detail), { code: error.code, job: job.id });
    }
    fill(this.result, answered(this.catalog.name, job));
    announce(job.result.mode === "generated" ? "The answer is there" : "No answer was written; sources are shown");
  }
}

function choice(options, chosen) {
  return h("select", options.map(([value, words]) => h("option", { value, selected: value === (chosen ?? options[0][0]) }, words)));
}
