// What files are and how they are sent: pictures, archives, manifests, documents.

import { pathOf } from "./api.js";

const PICTURES = ["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "avif"];
const DOCUMENTS = ["pdf", "pptx"];
const MANIFESTS = { csv: "text/csv", jsonl: "application/x-ndjson", ndjson: "application/x-ndjson" };
const LONGEST_ID = 200;

export const ACCEPTED = [...PICTURES, ...DOCUMENTS, ...Object.keys(MANIFESTS), "zip"].map((end) => `.${end}`).join(",");
export const ACCEPTED_PICTURES = "image/*";

const endOf = (file) => file.name.toLowerCase().split(".").pop();

export const isPicture = (file) => PICTURES.includes(endOf(file)) || file.type.startsWith("image/");

/** Plan what files become: `{ uploads: [{ name, path, body, type, size }], refused: [file] }`. */
export function plan(catalog, files) {
  const of = (test) => files.filter(test);
  const pictures = of(isPicture);
  const manifests = of((file) => endOf(file) in MANIFESTS);
  const documents = of((file) => DOCUMENTS.includes(endOf(file)));
  const archives = of((file) => endOf(file) === "zip");
  const taken = new Set([...pictures, ...manifests, ...documents, ...archives]);
  const path = pathOf(catalog);
  const uploads = [
    ...documents.map((file) => document(path, file)),
    ...archives.map((file) => whole(path, file, "application/zip")),
  ];
  if (manifests.length === 1 && pictures.length) uploads.push(form(path, manifests[0], pictures));
  else {
    uploads.push(...manifests.map((file) => whole(path, file, MANIFESTS[endOf(file)])));
    if (pictures.length === 1) uploads.push(single(path, pictures[0]));
    else if (pictures.length) uploads.push(many(path, pictures));
  }
  return { uploads, refused: files.filter((file) => !taken.has(file)) };
}

function whole(path, file, type) {
  return { name: file.name, path: `${path}/imports`, body: file, type, size: file.size };
}

function document(path, file) {
  const body = new FormData();
  body.append("file", file, `document.${endOf(file)}`);
  body.append("id", idOf(file));
  body.append("title", nameOf(file));
  return { name: file.name, path: `${path}/documents`, body, size: file.size };
}

function single(path, file) {
  const body = new FormData();
  body.append("image", file, "picture");
  body.append("id", idOf(file));
  body.append("name", nameOf(file));
  return { name: file.name, path: `${path}/items`, body, size: file.size };
}

/** Several pictures as one import; their parts have names of ours, whatever theirs hold. */
function many(path, pictures) {
  const ids = new Map();
  const lines = pictures.map((file, index) => {
    const id = idOf(file);
    const times = ids.get(id) ?? 0;
    ids.set(id, times + 1);
    return JSON.stringify({ id: times ? `${id}-${times + 1}` : id, name: nameOf(file), image: String(index) });
  });
  const manifest = new File([lines.join("\n")], "manifest.jsonl", { type: MANIFESTS.jsonl });
  const body = new FormData();
  body.append("manifest", manifest);
  pictures.forEach((file, index) => body.append("image", file, String(index)));
  return { name: `${pictures.length} pictures`, path: `${path}/imports`, body, size: sizeOf(pictures) };
}

/** A manifest with the pictures that it names. */
function form(path, manifest, pictures) {
  const body = new FormData();
  body.append("manifest", manifest, `manifest.${endOf(manifest)}`);
  for (const file of pictures) body.append("image", file, file.name);
  const name = `${manifest.name} with ${pictures.length} pictures`;
  return { name, path: `${path}/imports`, body, size: manifest.size + sizeOf(pictures) };
}

const sizeOf = (files) => files.reduce((total, file) => total + file.size, 0);

const nameOf = (file) => file.name.replace(/\.[^.]+$/, "").slice(0, 1000) || file.name;

/** An id that the same file gets again: what no address may hold is left out. */
function idOf(file) {
  const clean = nameOf(file).normalize("NFC").replace(/[^\p{L}\p{M}\p{N}._ -]/gu, "").trim().slice(0, LONGEST_ID);
  return clean && !/^\.+$/.test(clean) ? clean : `file-${file.size}-${file.lastModified}`;
}
