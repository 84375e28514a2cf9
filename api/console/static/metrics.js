// Reads Prometheus text: samples by name and labels, and what became of counters between two reads.

const LINE = /^([a-z_]\w*)(?:\{(.*)\})? (\S+)$/i;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** All samples of a text: a list of `{ labels, value }` for each name. */
export function parse(text) {
  const found = new Map();
  for (const line of text.split("\n")) {
    const match = line[0] !== "#" && LINE.exec(line);
    if (!match) continue;
    const labels = {};
    for (const [, name, value] of (match[2] ?? "").matchAll(LABEL)) labels[name] = value;
    if (!found.has(match[1])) found.set(match[1], []);
    found.get(match[1]).push({ labels, value: Number(match[3]) });
  }
  return found;
}

function those(metrics, name, labels) {
  const wanted = Object.entries(labels);
  return (metrics.get(name) ?? []).filter((sample) => wanted.every(([key, value]) => sample.labels[key] === value));
}

export function sum(metrics, name, labels = {}) {
  return those(metrics, name, labels).reduce((total, { value }) => total + value, 0);
}

/** How much counters grew between two reads; each by itself, since a worker that starts again begins at 0. */
export function growth(before, after, name, labels = {}) {
  const former = new Map(those(before, name, labels).map((sample) => [JSON.stringify(sample.labels), sample.value]));
  return those(after, name, labels).reduce((total, { labels: own, value }) => {
    const past = former.get(JSON.stringify(own));
    // A worker that was not seen before may count since long ago.
    return past === undefined ? total : total + (value >= past ? value - past : value);
  }, 0);
}

export function by(metrics, name, label) {
  const totals = new Map();
  for (const { labels, value } of metrics.get(name) ?? []) {
    totals.set(labels[label], (totals.get(labels[label]) ?? 0) + value);
  }
  return totals;
}
