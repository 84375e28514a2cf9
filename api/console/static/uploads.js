// Uploads under way: they go on while another view is shown, one body at a time.

import { follow, unique, upload } from "./api.js";
import { plan } from "./files.js";

const all = [];
const told = new EventTarget();
let sending = Promise.resolve();

/** The uploads of a catalog, newest first. */
export const uploadsTo = (catalog) => all.filter((one) => one.catalog === catalog).reverse();

export const underWay = () => all.filter((one) => !one.done).length;

/** Call `act` with each upload that changes, until the signal. */
export function onUpload(act, signal) {
  told.addEventListener("change", (event) => act(event.detail), { signal });
}

function tell(one) {
  told.dispatchEvent(new CustomEvent("change", { detail: one }));
}

/** Send files to a catalog; gives back the files that are nothing that can be taken. */
export function add(catalog, files) {
  const { uploads, refused } = plan(catalog, files);
  for (const planned of uploads) {
    const one = { ...planned, catalog, sent: 0, job: null, problem: null, done: false, once: unique() };
    all.push(one);
    begin(one);
  }
  return refused;
}

/** Begin, or begin again after a failure: the same key makes no second job. */
export function begin(one) {
  Object.assign(one, { sent: 0, problem: null, done: false, leaving: new AbortController() });
  tell(one);
  sending = sending.then(() => submit(one));
}

/** Give up what was not wholly sent. */
export const stop = (one) => one.leaving.abort(new DOMException("The upload was stopped.", "AbortError"));

async function submit(one) {
  const progress = (sent) => { one.sent = Math.min(sent, one.size); tell(one); };
  try {
    one.leaving.signal.throwIfAborted();
    one.job = await upload(one.path, one.body, { ...one, progress, signal: one.leaving.signal });
    one.body = null;
    watch(one);
  } catch (problem) {
    end(one, problem);
  }
}

export function resume(one) {
  one.done = false;
  watch(one);
}

async function watch(one) {
  try {
    await follow(one.job, (job) => { one.job = job; tell(one); });
    end(one, null);
  } catch (problem) {
    end(one, problem);
  }
}

function end(one, problem) {
  one.problem = problem;
  one.done = true;
  tell(one);
}
