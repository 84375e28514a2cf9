// How the server is: what is missing, and each lane's queue, age, batches and rate as small charts.

import { readiness, send } from "../api.js";
import { announce, every, fill, h, said } from "../dom.js";
import { by, growth, parse, sum } from "../metrics.js";
import { facts, problemBox } from "../parts.js";
import { Spark } from "../spark.js";
import { bytes, duration, number } from "../words.js";

const EVERY = 2000;
const WINDOW = 6;
/** Reads that a rate spans: workers tell their counts every 5 s, so 10 s hold two tellings. */
const LANES = {
  ingest: "reads what is uploaded",
  embed: "decodes pictures, runs the model",
  answer: "asks providers",
  upkeep: "gives lost work back, cleans up",
};
const WRONG = {
  postgres: "The database is away.", redis: "Redis is away: work goes on, but begins later.",
};

export async function show(main, { signal }) {
  document.title = "Health · Sightline";
  const lanes = Object.keys(LANES).map((name) => new Lane(name));
  const state = h("div");
  const stores = h("div");
  const trouble = h("div");
  const reads = [];
  let told = "";

  async function look() {
    try {
      const [ready, metrics] = await Promise.all([readiness(signal), read(signal)]);
      if (ready.status !== told) announce(`The server is ${ready.status}`);
      told = ready.status;
      reads.push({ at: performance.now() / 1000, metrics });
      if (reads.length > WINDOW) reads.shift();
      fill(trouble);
      fill(state, verdict(ready));
      lanes.forEach((lane) => lane.update(ready.lanes[lane.name], reads));
      fill(stores, known(metrics));
    } catch (problem) {
      if (!signal.aborted) fill(trouble, problemBox(problem));
    }
  }

  fill(main, h("div.head", h("h1", "Health"), h("a", { href: "/metrics" }, "All metrics")), trouble, state,
    h("ul.lanes", { "aria-label": "Lanes" }, lanes.map((lane) => lane.node)), stores);
  await every(EVERY, look, signal);
}

async function read(signal) {
  return parse(await (await send("GET", "/metrics", { signal })).text());
}

function verdict({ status, degraded, details = {} }) {
  const words = { ready: "Everything works.", degraded: "It works, but something is missing.", unavailable: "It cannot take work now." };
  return h("div", { className: `verdict ${status}` }, h("p", h("span.dot", { "aria-hidden": "true" }), h("strong", words[status] ?? status)),
    degraded.length > 0 && h("ul.plain.small", degraded.map((what) => h("li", said(details[what] ?? wrong(what))))));
}

function wrong(what) {
  const [kind, lane] = what.split(":");
  if (kind === "lane") return `No worker of the lane ${lane} lives.`;
  return WRONG[what] ?? what;
}

class Lane {
  constructor(name) {
    this.name = name;
    this.lives = h("span.status", "…");
    this.sparks = {
      queued: new Spark("Waiting", number),
      running: new Spark("In hand", number),
      oldest: new Spark("Oldest waits", duration),
      rate: new Spark("Tasks a second", (value) => value.toFixed(1)),
      batch: new Spark(name === "embed" ? "Batch size" : "Claim size", (value) => value.toFixed(1)),
    };
    this.node = h("li.card.lane", { "data-lane": name },
      h("div.row.between", h("h2", name), this.lives), h("p.small.muted", LANES[name]),
      h("div.sparks", Object.values(this.sparks).map((spark) => spark.node)));
  }

  update(lives, reads) {
    const { metrics } = reads.at(-1);
    const lane = { lane: this.name };
    const workers = sum(metrics, "sightline_workers", lane);
    this.lives.textContent = lives ? `${number(workers)} ${workers === 1 ? "worker" : "workers"}` : "no worker";
    this.lives.className = `status ${lives ? "succeeded" : "failed"}`;
    this.sparks.queued.add(sum(metrics, "sightline_tasks_queued", lane));
    this.sparks.running.add(sum(metrics, "sightline_tasks_running", lane));
    this.sparks.oldest.add(sum(metrics, "sightline_oldest_task_seconds", lane));
    this.rates(reads[0], reads.at(-1), lane);
  }

  rates(from, until, lane) {
    const grown = (name) => growth(from.metrics, until.metrics, name, lane);
    const seconds = until.at - from.at;
    const claimed = grown("sightline_worker_claimed_total");
    const batches = this.name === "embed" ? grown("sightline_worker_batches_total") : grown("sightline_claim_tasks_count");
    const items = this.name === "embed" ? grown("sightline_worker_items_total") : claimed;
    this.sparks.rate.add(seconds ? claimed / seconds : 0);
    this.sparks.batch.add(batches ? items / batches : null);
  }
}

function known(metrics) {
  const ended = [...by(metrics, "sightline_jobs_ended_last_hour", "status")].map(([status, value]) => `${number(value)} ${status}`);
  const calls = [...by(metrics, "sightline_provider_calls_total", "outcome")].map(([outcome, value]) => `${number(value)} ${outcome}`);
  const free = sum(metrics, "sightline_blobs_free_bytes");
  return h("section.card.stores", h("h2", "Stores and jobs"), facts([
    ["Jobs ended in the last hour", ended.join(", ") || "none"],
    ["Provider calls", calls.join(", ") || "none"],
    ["Database", bytes(sum(metrics, "sightline_database_bytes"))],
    ["Free for pictures", free ? bytes(free) : null],
  ]));
}
