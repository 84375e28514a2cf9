// Pictures of items: by their address, or with a key fetched and shown from memory.

import { key, send } from "./api.js";
import { h } from "./dom.js";

const AT_ONCE = 6;
const waiting = [];
let running = 0;

const near = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) continue;
    near.unobserve(target);
    target.begin();
  }
}, { rootMargin: "300px" });

/** A picture in a frame, loaded when it comes near; words stand in where there is none. */
export function picture(address, alt = "", instead = "No picture") {
  const frame = h("div.frame");
  if (!address) return stand(frame, instead);
  const image = h("img", { alt, decoding: "async" });
  image.addEventListener("error", () => stand(frame, instead));
  image.addEventListener("load", () => {
    frame.classList.add("loaded");
    if (image.src.startsWith("blob:")) URL.revokeObjectURL(image.src);
  });
  image.begin = () => {
    if (key()) later(() => fetched(image, frame, address, instead));
    else image.src = address;
  };
  frame.append(image);
  near.observe(image);
  return frame;
}

/** A file of this machine, shown before or instead of being sent. */
export function preview(file, alt) {
  const image = h("img", { alt, src: URL.createObjectURL(file) });
  const frame = h("div.frame.loaded", image);
  image.addEventListener("load", () => URL.revokeObjectURL(image.src));
  image.addEventListener("error", () => stand(frame, "No preview"));
  return frame;
}

function stand(frame, words) {
  frame.classList.add("loaded", "without");
  frame.replaceChildren(h("span", { "aria-hidden": "true" }, words));
  return frame;
}

async function fetched(image, frame, address, instead) {
  if (!image.isConnected) return;
  try {
    image.src = URL.createObjectURL(await (await send("GET", address)).blob());
  } catch {
    stand(frame, instead);
  }
}

/** A few pictures at a time, as a browser would ask for them. */
async function later(load) {
  waiting.push(load);
  if (running >= AT_ONCE) return;
  running += 1;
  while (waiting.length) await waiting.shift()();
  running -= 1;
}
