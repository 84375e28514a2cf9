// A small line of the last minutes, drawn as SVG, with its newest value in words beside it.

import { h, svg } from "./dom.js";

const WIDTH = 160;
const HEIGHT = 36;
const POINTS = 90;

export class Spark {
  constructor(name, say) {
    this.say = say;
    this.values = [];
    this.area = svg("path", { class: "spark-area" });
    this.line = svg("path", { class: "spark-line" });
    this.value = h("span.spark-value", "–");
    this.node = h("div.spark", h("span.spark-name", name), this.value,
      svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" }, this.area, this.line));
  }

  /** Add a value; null where there is nothing to tell. */
  add(value) {
    this.values = [...this.values, value ?? 0].slice(-POINTS);
    this.value.textContent = value === null ? "–" : this.say(value);
    const most = Math.max(1e-9, ...this.values);
    const begin = POINTS - this.values.length;
    const points = this.values.map((each, place) => {
      const x = ((begin + place) / (POINTS - 1)) * WIDTH;
      return `${x.toFixed(1)},${(HEIGHT - 2 - (each / most) * (HEIGHT - 4)).toFixed(1)}`;
    });
    this.line.setAttribute("d", `M${points.join("L")}`);
    const left = ((begin / (POINTS - 1)) * WIDTH).toFixed(1);
    this.area.setAttribute("d", `M${left},${HEIGHT}L${points.join("L")}L${WIDTH},${HEIGHT}Z`);
  }
}
