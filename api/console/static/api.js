// The HTTP client: problems, the key, uploads, and jobs that are waited for. Nothing else sends.

const KEY = "sightline.key";
const LONG_WAIT = 20;
const PATIENCE = [1, 2, 4, 8];
/** Seconds before a poll is tried again that could not be answered. */

/** What went wrong, as the server tells it; `status` is 0 where no answer came or a job failed. */
export class Problem extends Error {
  constructor(status, body, retryAfter = 0) {
    super(body.detail || body.title || `The server answered ${status}.`);
    this.status = status;
    this.code = body.code || "unknown";
    this.requestId = body.request_id || "";
    this.job = body.job || "";
    this.errors = body.errors || [];
    this.retryAfter = retryAfter;
  }

  /** Whether the same request may succeed in a moment. */
  get canPass() {
    return this.code === "unreachable" || [429, 503].includes(this.status);
  }
}

let ask = () => Promise.resolve(false);
let asking = null;
let declined = false;

/** The key of this tab; it is forgotten with the tab. */
export const key = () => sessionStorage.getItem(KEY) || "";

export function keepKey(value) {
  declined = false;
  if (value) sessionStorage.setItem(KEY, value);
  else sessionStorage.removeItem(KEY);
  document.dispatchEvent(new Event("key"));
}

/** Who asks for a key: told the problem, resolves to whether another key is kept. */
export function onUnauthorized(handler) {
  ask = handler;
}

/** Somebody went elsewhere: there the key may be asked for again. */
export function mayAsk() {
  declined = false;
}

async function unlocked(sent, problem) {
  if (key() !== sent) return true;
  if (declined) return false;
  asking ??= ask(problem).finally(() => { asking = null; });
  const found = await asking;
  declined = !found;
  return found;
}

/** The answer to one request. Throws Problem, or an AbortError where the signal came. */
export async function send(method, path, { json, body, headers = {}, wait, signal } = {}) {
  const sent = key();
  const given = { ...headers };
  if (sent) given.Authorization = `Bearer ${sent}`;
  if (wait) given.Prefer = `wait=${wait}`;
  if (json !== undefined) given["Content-Type"] = "application/json";
  const answer = await reach(path, {
    method, headers: given, signal, body: json === undefined ? body : JSON.stringify(json),
  });
  if (answer.ok || answer.status === 304) return answer;
  const problem = await problemOf(answer);
  if (problem.status === 401 && await unlocked(sent, problem)) {
    return send(method, path, { json, body, headers, wait, signal });
  }
  throw problem;
}

async function reach(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw unreachable();
  }
}

function unreachable() {
  return new Problem(0, { code: "unreachable", detail: "The server cannot be reached. Is it running?" });
}

async function problemOf(answer) {
  const body = await answer.json().catch(() => ({}));
  const id = answer.headers.get("X-Request-Id");
  const found = { request_id: id, ...(body && typeof body === "object" ? body : {}) };
  return new Problem(answer.status, found, Number(answer.headers.get("Retry-After")) || 0);
}

export async function get(path, signal) {
  return (await send("GET", path, { signal })).json();
}

/** What /readyz tells, also with a 503. */
export async function readiness(signal) {
  return (await reach("/readyz", { signal, cache: "no-store" })).json();
}

/** Follow a job to its end, telling `seen` of each state; the server holds each look. */
export async function follow(job, seen = () => {}, signal, wait = 1) {
  let tag = "";
  let tries = 0;
  while (!job.ended_at) {
    seen(job);
    try {
      const headers = tag ? { "If-None-Match": tag } : {};
      const seconds = document.hidden ? LONG_WAIT : wait;
      const answer = await send("GET", job.urls.self, { headers, wait: seconds, signal });
      tries = 0;
      if (answer.status === 304) continue;
      tag = answer.headers.get("ETag") || "";
      job = await answer.json();
      // Too many wait already: then the server holds nobody.
      if (answer.headers.get("Preference-Applied") === "wait=0") await pause(1, signal);
    } catch (problem) {
      if (!problem.canPass) throw problem;
      await pause(problem.retryAfter || PATIENCE[Math.min(tries, PATIENCE.length - 1)], signal);
      tries += 1;
    }
  }
  seen(job);
  return job;
}

function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal?.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
  });
}

/** The result of a job that is submitted and followed. Throws Problem for one that fails. */
export async function result(path, { json, body, signal, seen, wait = 10 }) {
  const submitted = await send("POST", path, { json, body, signal, wait });
  const job = await follow(await submitted.json(), seen, signal, wait);
  if (job.status === "succeeded") return job.result;
  const error = job.error || { code: `job_${job.status}`, detail: `The job is ${job.status}.` };
  throw new Problem(0, { ...error, job: job.id });
}

/** Send a body with its progress told in bytes; resolves to the submitted job. */
export function upload(path, body, { type, once, progress, signal }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const sent = key();
    request.open("POST", path);
    if (sent) request.setRequestHeader("Authorization", `Bearer ${sent}`);
    if (type) request.setRequestHeader("Content-Type", type);
    request.setRequestHeader("Idempotency-Key", once);
    request.upload.onprogress = (event) => progress(event.loaded, event.total);
    request.onerror = () => reject(unreachable());
    request.onabort = () => reject(signal.reason);
    request.onload = () => loaded(request, sent, () => upload(path, body, { type, once, progress, signal }))
      .then(resolve, reject);
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(body);
  });
}

async function loaded(request, sent, again) {
  const headers = { "X-Request-Id": request.getResponseHeader("X-Request-Id") || "" };
  const answer = new Response(request.responseText || null, { status: request.status, headers });
  if (answer.ok) return answer.json();
  const problem = await problemOf(answer);
  if (problem.status === 401 && await unlocked(sent, problem)) return again();
  throw problem;
}

/** A word that no other request has, also where the page came over plain HTTP. */
export function unique() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export const pathOf = (catalog) => `/v1/catalogs/${encodeURIComponent(catalog)}`;
