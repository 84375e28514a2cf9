// A job as it stands: status, progress, what failed and why; canceled and retried from here.

import { get, send } from "./api.js";
import { announce, button, fill, h, said } from "./dom.js";
import { problemBox } from "./parts.js";
import { ago, count, moment, number } from "./words.js";

const FEW = 20;
const WORDS = {
  import: "Import", document: "Document", item: "Item", search: "Search", answer: "Answer",
  caption: "Captions", evaluation: "Evaluation", embedding: "Embedding",
};

/** A card that is kept and updated, so that focus stays where it is. */
export class JobCard {
  /** `changed(job)` is told what canceling or retrying made of the job. */
  constructor(job, changed = () => {}, name = "") {
    this.job = job;
    this.changed = changed;
    this.status = h("span.status");
    this.when = h("time.muted");
    this.bar = h("progress", { max: 1, "aria-label": "Progress" });
    this.counted = h("p.small.muted.counted");
    this.error = h("div");
    this.failed = h("div");
    this.cancel = button("Cancel", () => this.act("cancel"), "quiet");
    this.retry = button("Retry failed", () => this.act("retry"), "quiet");
    this.errors = button("Show errors", () => this.toggle(), "quiet");
    this.errors.setAttribute("aria-expanded", "false");
    this.node = h("article.job", { "data-job": job.id }, this.head(name), this.bar, this.error, this.failed);
    this.update(job);
  }

  head(name) {
    const { id, kind, catalog } = this.job;
    return h("div.row.wrap",
      h("p.job-name", h("a", { href: `#/jobs/${id}` }, name ? said(name) : WORDS[kind] ?? kind),
        catalog && h("span.muted", " in ", h("a", { href: `#/c/${encodeURIComponent(catalog)}/search` }, said(catalog)))),
      this.counted, h("span.row.wrap", this.errors, this.retry, this.cancel), this.when, this.status);
  }

  /** Show a newer state; says it aloud where the job has ended meanwhile. */
  update(job) {
    const ended = job.ended_at && !this.job.ended_at;
    this.job = job;
    const { counts, status } = job;
    const stopping = job.cancel_requested_at && !job.ended_at;
    this.status.textContent = stopping ? "canceling" : status;
    this.status.className = `status ${stopping ? "canceled" : status}${counts.failed ? " partly" : ""}`;
    this.when.textContent = ago(job.created_at);
    this.when.dateTime = job.created_at;
    this.when.title = moment(job.created_at);
    this.counted.textContent = counted(job);
    this.measure(job);
    this.cancel.hidden = Boolean(job.ended_at || stopping);
    this.retry.hidden = !job.ended_at || !counts.failed || ["expired", "canceled"].includes(status);
    this.errors.hidden = !counts.failed;
    fill(this.error, job.error && h("p.bad.small", h("code", job.error.code), " ", said(job.error.detail)));
    if (ended) announce(`${WORDS[job.kind]} ${status}: ${counted(job)}`);
  }

  measure({ counts, progress, ended_at: ended, expanded }) {
    this.bar.hidden = Boolean(ended);
    const done = counts.total - counts.pending;
    if (progress?.pages && progress.read < progress.pages) this.bar.value = progress.read / progress.pages;
    else if (expanded && counts.total) this.bar.value = done / counts.total;
    else this.bar.removeAttribute("value");
  }

  async act(what) {
    try {
      const job = await (await send("POST", this.job.urls[what])).json();
      this.update(job);
      this.changed(job);
      if (what === "retry") this.close();
    } catch (problem) {
      fill(this.failed, problemBox(problem));
    }
  }

  async toggle() {
    if (this.errors.getAttribute("aria-expanded") === "true") return this.close();
    this.errors.setAttribute("aria-expanded", "true");
    this.errors.textContent = "Hide errors";
    this.list = h("ul.plain.failures", { "aria-label": "What failed" });
    fill(this.failed, this.list);
    return this.more("");
  }

  close() {
    this.errors.setAttribute("aria-expanded", "false");
    this.errors.textContent = "Show errors";
    fill(this.failed);
  }

  async more(after) {
    const query = new URLSearchParams({ status: "failed", limit: FEW, ...(after ? { after } : {}) });
    try {
      const page = await get(`${this.job.urls.tasks}?${query}`);
      this.list.append(...page.data.map(failure));
      if (!page.next) return;
      const further = button("Show more errors", async () => { further.remove(); await this.more(page.next); }, "quiet");
      this.failed.append(further);
    } catch (problem) {
      this.failed.append(problemBox(problem));
    }
  }
}

function failure(task) {
  const error = task.error ?? { code: "unknown", detail: "" };
  return h("li", h("span.muted", `#${task.index + 1} `), task.item_id && [h("b", said(task.item_id)), " "],
    h("code", error.code), " ", said(error.detail));
}

/** `310 of 400 · 2 failed · 12 unchanged`. */
function counted({ counts, progress, ended_at: ended, expanded }) {
  const parts = [];
  const done = counts.total - counts.pending;
  if (progress?.pages && !ended) parts.push(`${number(progress.read)} of ${count(progress.pages, "page")} read`);
  if (ended && counts.succeeded === 1 && counts.total === 1) return "";
  if (ended) parts.push(counts.succeeded ? `${number(counts.succeeded)} succeeded` : count(counts.total, "task"));
  else if (counts.total) parts.push(`${number(done)} of ${number(counts.total)}${expanded ? "" : " so far"}`);
  else parts.push("Reading what was sent…");
  for (const name of ["unchanged", "failed", "canceled"]) {
    if (counts[name]) parts.push(`${number(counts[name])} ${name}`);
  }
  return parts.join(" · ");
}
