// Adding to a catalog: files are dropped or chosen, sent, and watched until they are searchable.

import { announce, button, fill, h, said } from "../dom.js";
import { ACCEPTED } from "../files.js";
import { JobCard } from "../job_card.js";
import { dropZone, empty, fileButton, problemBox } from "../parts.js";
import { to } from "../router.js";
import { add, begin, onUpload, resume, stop, uploadsTo } from "../uploads.js";
import { bytes } from "../words.js";
import { documents } from "./documents.js";
import { frame, refresh } from "./frame.js";

/** Files that another view was given, to be sent when this one is shown. */
const brought = [];

export function bring(files) {
  brought.push(...files);
}

export async function show(main, { params: [name], signal }) {
  const { body } = await frame(main, name, "add", signal);
  const list = h("ul.plain.stack", { "aria-label": "Uploads" });
  const refused = h("div");
  const cards = new Map();
  const shelf = h("section");

  function take(files) {
    const bad = add(name, files);
    fill(refused, bad.length > 0 && notTaken(bad));
    announce(`${files.length - bad.length} of ${files.length} files are being sent`);
  }

  function seen(one) {
    if (one.catalog !== name) return;
    if (!cards.has(one)) {
      cards.set(one, new UploadCard(one));
      list.prepend(cards.get(one).node);
    }
    cards.get(one).update();
    if (one.done && !signal.aborted) refresh(name, signal).then(() => documents(shelf, name, signal)).catch(() => {});
  }

  fill(body, zone(take), refused, list, shelf);
  dropZone(main, "Drop to add to this catalog", take, signal);
  onUpload(seen, signal);
  uploadsTo(name).reverse().forEach(seen);
  if (brought.length) take(brought.splice(0));
  await documents(shelf, name, signal);
}

function zone(take) {
  return h("section.zone",
    h("h2", "Drop files here"),
    h("p.muted", "Pictures, PDF and PPTX documents; or a ZIP, CSV or JSONL manifest of many items."),
    fileButton("Choose files", { accept: ACCEPTED, multiple: true, look: "primary" }, take),
    h("details.left", h("summary", "What a manifest looks like"),
      h("pre", { tabIndex: 0 }, '{"id": "boot-1", "image": "images/boot.jpg", "name": "Brown boot", "price": 79, "currency": "USD", "category": "shoes", "tags": ["leather"]}'),
      h("p.small.muted", "One item a line in manifest.jsonl, zipped with the pictures it names. A CSV has the same names in its first line. ",
        "A manifest may also be dropped together with its pictures.")));
}

function notTaken(files) {
  const names = files.slice(0, 10).map((file) => h("li", said(file.name)));
  return h("div.problem", { role: "alert" },
    h("p", h("strong", "Not taken: "), "neither a picture, a PDF, a PPTX, a ZIP, a CSV nor JSON lines."),
    h("ul.plain.small", names, files.length > 10 && h("li", `and ${files.length - 10} more`)));
}

/** An upload: bytes on their way, then the job that they became. */
class UploadCard {
  constructor(one) {
    this.one = one;
    this.node = h("li");
    this.bar = h("progress", { max: 1, "aria-label": "Upload" });
    this.words = h("p.small.muted");
    this.stop = button("Stop", () => stop(one), "quiet");
    this.sending = h("article.job", h("div.row.between", h("p.job-name", said(one.name)), this.stop), this.bar, this.words);
  }

  update() {
    const { one } = this;
    if (one.job) this.showJob();
    else if (one.problem) this.showProblem();
    else this.showBytes();
  }

  showBytes() {
    const { sent, size } = this.one;
    this.job = null;
    this.bar.value = size ? sent / size : 0;
    this.words.textContent = sent >= size ? "Stored; the job is being made…" : `${bytes(sent)} of ${bytes(size)} sent`;
    if (this.sending.parentNode !== this.node) fill(this.node, this.sending);
  }

  showProblem() {
    const { one } = this;
    const again = button("Try again", () => begin(one));
    const problem = one.problem.name === "AbortError" ? h("p.muted", "Stopped; nothing of it was kept.") : problemBox(one.problem);
    fill(this.node, h("article.job", h("div.row.between", h("p.job-name", said(one.name)), again), problem));
  }

  showJob() {
    const { one } = this;
    if (!this.job) {
      this.job = new JobCard(one.job, (job) => { one.job = job; if (one.done && !job.ended_at) resume(one); }, one.name);
      fill(this.node, this.job.node);
    } else if (this.job.job !== one.job) this.job.update(one.job);
    if (one.done && one.problem) fill(this.job.failed, problemBox(one.problem));
    if (one.done && one.job.counts.succeeded && !this.found) {
      this.found = h("p.small", h("a", { href: to(["c", one.catalog, "search"]) }, "Search what was added"));
      this.job.node.append(this.found);
    }
  }
}

export function nothingYet(take) {
  return empty("Nothing to find yet",
    "Drop pictures, a PDF, a slide deck or a ZIP anywhere here, and they become searchable while you watch.",
    fileButton("Choose files", { accept: ACCEPTED, multiple: true, look: "primary" }, take));
}
