/** The figures above the list: three periods, 24 hours and the models used most. */

import { Chart } from "./chart.js";
import { byId, make } from "./dom.js";
import { compact, count, duration, hour, percent } from "./format.js";

const PERIODS = { last5Minutes: "Last 5 minutes", last24Hours: "Last 24 hours", overall: "All time" };

export class Statistics {
  #chart = new Chart(byId("chart"));

  constructor() {
    byId("measure").addEventListener("change", (event) => this.#chart.measure(event.target.value));
    const section = byId("statistics");
    // On a small screen the list comes first.
    section.open = window.matchMedia("(min-width: 45rem)").matches;
  }

  /** @param {Record<string, any>} figures what `/api/statistics` gives */
  show({ periods, hourly, topModels }) {
    byId("figures-loading").hidden = true;
    byId("figures").hidden = false;
    const names = Object.keys(PERIODS);
    byId("periods").replaceChildren(...names.map((name) => card(PERIODS[name], periods[name])));
    this.#chart.show(hourly);
    byId("hours").replaceChildren(...hourly.map(hourRow));
    const most = topModels[0]?.total ?? 1;
    byId("top-models").replaceChildren(...topModels.map((row) => modelRow(row, most)));
    byId("no-models").hidden = topModels.length > 0;
  }
}

function card(title, figures) {
  const facts = [
    ["Success rate", percent(figures.successRate)],
    ["Failed", count(figures.failed)],
    ["Tokens", compact(figures.totalTokens), count(figures.totalTokens)],
    ["Response time", duration(figures.averageResponseTimeMs)],
  ];
  const model = figures.mostUsedModel ?? "–";
  return make(
    "article",
    { class: "card" },
    make("h3", {}, title),
    make(
      "p",
      { class: "big" },
      make("strong", { title: count(figures.total) }, compact(figures.total)),
      figures.total === 1 ? " message" : " messages",
    ),
    make(
      "dl",
      {},
      ...facts.map(([name, value, exact]) => fact({}, name, value, exact ?? value)),
      fact({ class: "wide" }, "Most used model", model, model),
    ),
  );
}

function fact(attributes, name, value, title) {
  return make("div", attributes, make("dt", {}, name), make("dd", { title }, value));
}

function hourRow(row) {
  const texts = [
    count(row.total),
    count(row.failed),
    count(row.totalTokens),
    duration(row.averageResponseTimeMs),
  ];
  const cells = texts.map((text) => make("td", { class: "number" }, text));
  return make("tr", {}, make("th", { scope: "row" }, hour(row.hour)), ...cells);
}

function modelRow({ model, total, totalTokens }, most) {
  const bar = make("span", { class: "share", "aria-hidden": "true" });
  bar.style.width = `${(100 * total) / most}%`;
  return make(
    "tr",
    {},
    make("th", { scope: "row" }, make("span", { class: "name", title: model }, model), bar),
    make("td", { class: "number" }, count(total)),
    make("td", { class: "number", title: count(totalTokens) }, compact(totalTokens)),
  );
}
