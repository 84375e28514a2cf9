// The jobs, newest first and as they are now; one of them alone with all that failed in it.

import { follow, get } from "../api.js";
import { every, fill, h } from "../dom.js";
import { JobCard } from "../job_card.js";
import { empty, facts, problemBox } from "../parts.js";
import { to } from "../router.js";
import { duration, moment, number } from "../words.js";

const EVERY = 2000;
const FEW = 30;
const GROUPS = {
  uploads: ["Uploads", ["import", "document", "item"]],
  questions: ["Answers", ["answer", "caption", "evaluation"]],
  searches: ["Searches", ["search", "embedding"]],
  all: ["All", [""]],
};
const STATUSES = ["", "queued", "running", "succeeded", "failed", "canceled", "expired"];

export async function show(main, { query, signal }) {
  document.title = "Jobs · Sightline";
  const group = query.get("kind") in GROUPS ? query.get("kind") : "uploads";
  const status = STATUSES.includes(query.get("status")) ? query.get("status") ?? "" : "";
  const list = h("ul.plain.stack", { "aria-label": "Jobs" });
  const trouble = h("div");
  const cards = new Map();

  async function look() {
    try {
      const jobs = await newest(GROUPS[group][1], status, signal);
      arrange(list, cards, jobs);
      fill(trouble, !jobs.length && none(group, status));
    } catch (problem) {
      if (!signal.aborted) fill(trouble, problemBox(problem));
    }
  }

  fill(main, h("div.head", h("h1", "Jobs"), chooser(group, status)), trouble, list);
  await every(EVERY, look, signal);
}

/** The newest jobs of these kinds: the server lists one kind at a time. */
async function newest(kinds, status, signal) {
  const pages = await Promise.all(kinds.map((kind) => {
    const query = new URLSearchParams({ limit: FEW, ...(kind && { kind }), ...(status && { status }) });
    return get(`/v1/jobs?${query}`, signal);
  }));
  const jobs = pages.flatMap((page) => page.data);
  return jobs.sort((one, other) => other.created_at.localeCompare(one.created_at)).slice(0, FEW);
}

/** Update the cards that stay, add the new, take the gone. */
function arrange(list, cards, jobs) {
  const wanted = new Set(jobs.map((job) => job.id));
  for (const [id, row] of cards) {
    if (!wanted.has(id)) { row.remove(); cards.delete(id); }
  }
  jobs.forEach((job, place) => {
    if (!cards.has(job.id)) {
      const card = new JobCard(job);
      cards.set(job.id, Object.assign(h("li", card.node), { card }));
    } else cards.get(job.id).card.update(job);
    const row = cards.get(job.id);
    if (list.children[place] !== row) list.insertBefore(row, list.children[place] ?? null);
  });
}

function chooser(group, status) {
  const link = ([name, [words]]) => h("a", {
    href: to(["jobs"], { kind: name, status }), "aria-current": name === group ? "true" : null }, words);
  const select = h("select", { "aria-label": "Status", onchange: () => { location.hash = to(["jobs"], { kind: group, status: select.value }); } },
    STATUSES.map((value) => h("option", { value, selected: value === status }, value || "any status")));
  return h("div.row.wrap", h("nav.tabs", { "aria-label": "Kinds of jobs" }, Object.entries(GROUPS).map(link)), select);
}

function none(group, status) {
  if (status || group !== "uploads") return empty("No such job", "Jobs are kept for a week after they ended.");
  return empty("No uploads yet", "Whatever you add to a catalog shows here with its progress and what failed in it.",
    h("a.button.primary", { href: "#/" }, "Go to the catalogs"));
}

export async function showOne(main, { params: [id], signal }) {
  document.title = "Job · Sightline";
  const job = await get(`/v1/jobs/${encodeURIComponent(id)}`, signal);
  const details = h("div");
  const card = new JobCard(job, (changed) => watch(changed));
  fill(main, h("div.head", h("h1", "Job"), h("a", { href: "#/jobs" }, "All jobs")), card.node, details);

  async function watch(from) {
    try {
      await follow(from, (state) => { card.update(state); fill(details, known(state)); }, signal);
    } catch (problem) {
      if (!signal.aborted) fill(details, problemBox(problem));
    }
  }

  if (job.counts.failed) await card.toggle();
  watch(job);
}

function known(job) {
  const lasted = job.started_at && ((job.ended_at ? new Date(job.ended_at) : Date.now()) - new Date(job.started_at)) / 1000;
  const { usage, result } = job;
  return [
    facts([
      ["Id", h("code.break", job.id)],
      ["Submitted", moment(job.created_at)],
      ["Started", job.started_at && moment(job.started_at)],
      ["Ended", job.ended_at && moment(job.ended_at)],
      ["Took", lasted !== null && duration(lasted)],
      ["Provider", usage && `${number(usage.calls)} calls, ${number(usage.input_tokens)} tokens in, ${number(usage.output_tokens)} out`],
    ]),
    result && h("details", h("summary", "Result"), h("pre", { tabIndex: 0 }, JSON.stringify(result, null, 2).slice(0, 20_000))),
  ];
}
