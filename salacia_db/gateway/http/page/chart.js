/** The last 24 hours as bars, drawn anew for each width. */

import { byId, draw, make } from "./dom.js";
import { compact, count, duration, hour } from "./format.js";

const HEIGHT = 160;
const ROOM = { top: 12, right: 4, bottom: 24, left: 52 };

/** What bars can show; `part` is drawn within the bar, in another colour. */
const MEASURES = {
  total: { of: (row) => row.total, part: (row) => row.failed, text: compact },
  tokens: { of: (row) => row.totalTokens, part: () => 0, text: compact },
  time: { of: (row) => row.averageResponseTimeMs ?? 0, part: () => 0, text: duration },
};

export class Chart {
  #place;
  #tip = make("div", { class: "tip", hidden: true, "aria-hidden": "true" });
  #rows = [];
  #measure = "total";
  #bands = [];

  /** @param {HTMLElement} place the element that it fills */
  constructor(place) {
    this.#place = place;
    new ResizeObserver(() => this.#draw()).observe(place);
    place.addEventListener("pointermove", (event) => this.#point(event));
    place.addEventListener("pointerleave", () => this.#point(null));
  }

  /** @param {Record<string, any>[]} rows the hours, the current one last */
  show(rows) {
    this.#rows = rows;
    this.#draw();
  }

  /** @param {"total" | "tokens" | "time"} measure */
  measure(measure) {
    this.#measure = measure;
    byId("legend").hidden = measure !== "total";
    this.#draw();
  }

  #draw() {
    const width = this.#place.clientWidth;
    if (width === 0 || this.#rows.length === 0) return;
    const { of, part, text } = MEASURES[this.#measure];
    const ticks = scale(Math.max(...this.#rows.map(of)), this.#measure === "time");
    const inner = HEIGHT - ROOM.top - ROOM.bottom;
    const y = (value) => ROOM.top + inner * (1 - value / ticks.at(-1));
    const step = (width - ROOM.left - ROOM.right) / this.#rows.length;
    const svg = draw("svg", {
      width,
      height: HEIGHT,
      viewBox: `0 0 ${width} ${HEIGHT}`,
      role: "img",
      "aria-label": summary(this.#rows),
    });
    for (const tick of ticks) {
      svg.append(
        draw("line", { class: "grid", x1: ROOM.left, x2: width, y1: y(tick), y2: y(tick) }),
        draw("text", { class: "y", x: ROOM.left - 8, y: y(tick) + 4 }, text(tick)),
      );
    }
    const every = [2, 3, 4, 6].find((hours) => step * hours > 52) ?? 8;
    this.#bands = this.#rows.map((row, n) => {
      const x = ROOM.left + n * step;
      const band = draw("g", { class: "hour" });
      band.append(
        draw("rect", { class: "band", x, y: ROOM.top, width: step, height: inner }),
        bar("bar", x, step, y(of(row)), y(0)),
        bar("bar failed", x, step, y(part(row)), y(0)),
      );
      if ((this.#rows.length - 1 - n) % every === 0) {
        const middle = Math.min(x + step / 2, width - 18); // the last has to fit, too
        band.append(draw("text", { class: "x", x: middle, y: HEIGHT - 6 }, hour(row.hour)));
      }
      svg.append(band);
      return band;
    });
    this.#tip.hidden = true;
    this.#place.replaceChildren(svg, this.#tip);
  }

  #point(event) {
    this.#bands.forEach((band) => band.classList.remove("pointed"));
    const box = this.#place.getBoundingClientRect();
    const step = (box.width - ROOM.left - ROOM.right) / this.#rows.length;
    const n = event === null ? -1 : Math.floor((event.clientX - box.left - ROOM.left) / step);
    const row = this.#rows[n];
    this.#tip.hidden = row === undefined;
    if (row === undefined) return;
    this.#bands[n].classList.add("pointed");
    this.#tip.replaceChildren(
      make("strong", {}, hour(row.hour)),
      make("span", {}, `${count(row.total)} messages, ${count(row.failed)} failed`),
      make("span", {}, `${count(row.totalTokens)} tokens`),
      make("span", {}, `${duration(row.averageResponseTimeMs)} on average`),
    );
    const middle = ROOM.left + (n + 0.5) * step;
    const half = this.#tip.offsetWidth / 2;
    this.#tip.style.left = `${Math.min(Math.max(middle, half), box.width - half)}px`;
  }
}

function bar(kind, x, step, top, bottom) {
  const gap = Math.min(step * 0.2, 4);
  const height = Math.max(bottom - top, 0);
  const size = { width: Math.max(step - gap, 1), height, rx: Math.min(2, height / 2) };
  return draw("rect", { class: kind, x: x + gap / 2, y: bottom - height, ...size });
}

/** Round numbers from 0 to the largest value or beyond. */
function scale(largest, isTime) {
  const smallest = isTime ? 10 : 1;
  const rough = Math.max(largest / 4, smallest);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough);
  const steps = Math.max(Math.ceil(largest / step), 2);
  return Array.from({ length: steps + 1 }, (_, n) => n * step);
}

function summary(rows) {
  const total = rows.reduce((sum, row) => sum + row.total, 0);
  const failed = rows.reduce((sum, row) => sum + row.failed, 0);
  const most = rows.reduce((a, b) => (b.total > a.total ? b : a));
  const told = `The last 24 hours: ${count(total)} messages, ${count(failed)} of them failed`;
  return total ? `${told}; most at ${hour(most.hour)}: ${count(most.total)}` : told;
}
