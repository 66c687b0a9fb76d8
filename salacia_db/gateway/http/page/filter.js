/** What the list shows, as the page's address holds it: the names are those of the API. */

import { byId } from "./dom.js";
import { localTime, moment } from "./format.js";

const FILTERS = [
  "search",
  "model",
  "providerId",
  "failed",
  "since",
  "until",
  "minTokens",
  "maxTokens",
  "minResponseTimeMs",
  "maxResponseTimeMs",
];
const ORDER = ["sort", "limit"];
const CURSORS = ["after", "before"];
const MORE = FILTERS.slice(4);

/**
 * What to ask for: of the address only what the list knows.
 * @param {URLSearchParams} address
 */
export function queryOf(address) {
  const query = new URLSearchParams();
  for (const name of [...FILTERS, ...ORDER, ...CURSORS]) {
    const value = address.get(name);
    if (value) query.set(name, value);
  }
  return query;
}

/** The query's first page. @param {URLSearchParams} query */
export function firstPage(query) {
  const first = new URLSearchParams(query);
  CURSORS.forEach((name) => first.delete(name));
  return first;
}

/** Whether anything is left out. @param {URLSearchParams} query */
export function isFiltered(query) {
  return FILTERS.some((name) => query.has(name));
}

/**
 * Whether new messages belong at the top of what is shown, and who they are can be told from here:
 * which messages have a word of a search, only the database knows.
 * @param {URLSearchParams} query
 */
export function isLive(query) {
  const newest = (query.get("sort") ?? "newest") === "newest";
  return newest && !["search", ...CURSORS].some((name) => query.has(name));
}

/**
 * Whether a message is one of those that are asked for, as far as can be told without a search.
 * @param {Record<string, any>} message
 * @param {URLSearchParams} query
 */
export function matches(message, query) {
  const tests = {
    model: (value) => message.model === value,
    providerId: (value) => message.providerId === value.toLowerCase(),
    failed: (value) => (message.error !== null) === (value === "true"),
    since: (value) => Date.parse(message.createdAt) >= Date.parse(value),
    until: (value) => Date.parse(message.createdAt) < Date.parse(value),
    minTokens: (value) => message.totalTokens !== null && message.totalTokens >= Number(value),
    maxTokens: (value) => message.totalTokens !== null && message.totalTokens <= Number(value),
    minResponseTimeMs: (value) =>
      message.responseTimeMs !== null && message.responseTimeMs >= Number(value),
    maxResponseTimeMs: (value) =>
      message.responseTimeMs !== null && message.responseTimeMs <= Number(value),
  };
  return Object.entries(tests).every(([name, test]) => !query.has(name) || test(query.get(name)));
}

/** The form above the list. */
export class FilterForm {
  #form = byId("filters");
  #shown = new URLSearchParams();

  /** @param {(query: URLSearchParams) => void} apply called when somebody asks for other messages */
  constructor(apply) {
    const submit = () => {
      if (this.#form.reportValidity()) apply(this.#read());
    };
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      submit();
    });
    this.#form.addEventListener("change", submit);
  }

  /** Shows a query. @param {URLSearchParams} query */
  show(query) {
    this.#shown = query;
    for (const field of this.#form.elements) {
      if (!field.name) continue;
      const value = query.get(field.name) ?? field.dataset.default ?? "";
      field.value = field.type === "datetime-local" ? localTime(value) : value;
      if (field.value === "" && value !== "" && field.tagName === "SELECT") {
        field.add(new Option(value, value, false, true));
      }
    }
    const more = MORE.filter((name) => query.has(name)).length;
    byId("more-count").textContent = more ? ` (${more})` : "";
    byId("clear-filters").hidden = !isFiltered(query);
  }

  /** Offers providers to choose from. @param {{id: string, name: string}[]} providers */
  offerProviders(providers) {
    const options = providers.map(({ id, name }) => new Option(name, id));
    this.#form.elements.providerId.replaceChildren(new Option("Any", ""), ...options);
    this.show(this.#shown);
  }

  /** Suggests models. @param {string[]} models */
  suggestModels(models) {
    byId("models").replaceChildren(...models.map((model) => new Option(model)));
  }

  #read() {
    const query = new URLSearchParams();
    for (const field of this.#form.elements) {
      const value = field.name ? field.value.trim() : "";
      if (value === "" || value === field.dataset.default) continue;
      query.set(field.name, field.type === "datetime-local" ? this.#moment(field) : value);
    }
    return query;
  }

  #moment(field) {
    // What nobody touched stays as exact as it was.
    const before = this.#shown.get(field.name) ?? "";
    return field.value === localTime(before) ? before : moment(field.value);
  }
}
