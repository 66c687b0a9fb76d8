/** One message in the list. */

import { make } from "./dom.js";
import { count, duration, exactly, when } from "./format.js";

/**
 * How a message ended, as a word for people and one for the style sheet.
 * @param {Record<string, any>} message
 * @returns {[string, "good" | "bad" | "open"]}
 */
export function outcome({ isSuccess, error, statusCode, ...message }) {
  if (isSuccess) return ["OK", "good"];
  const answer = message.responsePreview ?? message.response ?? null; // of the list, or in full
  if (error === null && statusCode === null) return [answer ? "No status" : "Pending", "open"];
  return [statusCode === null || statusCode === 200 ? "Failed" : `Failed ${statusCode}`, "bad"];
}

/** The tokens of both directions, where they are known. @param {Record<string, any>} message */
export function directions({ promptTokens, completionTokens }) {
  if (promptTokens === null && completionTokens === null) return "";
  return `${count(promptTokens)} in, ${count(completionTokens)} out`;
}

/** A row of the table; `show` fills it again when its message has changed. */
export class Row {
  element;
  message;
  #cells = {};
  #link = make("a");
  #answer = make("span");

  /**
   * @param {Record<string, any>} message
   * @param {string} address where the message is read
   */
  constructor(message, address) {
    for (const name of ["time", "model", "provider", "outcome", "said", "tokens", "took"]) {
      this.#cells[name] = make("td", { role: "cell", class: name });
    }
    this.element = make("tr", { role: "row", "data-id": message.id }, ...Object.values(this.#cells));
    this.#link.href = address;
    this.#cells.said.append(this.#link, this.#answer);
    this.show(message);
  }

  /** @param {Record<string, any>} message */
  show(message) {
    this.message = message;
    const [word, kind] = outcome(message);
    const time = { datetime: message.createdAt, title: exactly(message.createdAt) };
    const cells = this.#cells;
    cells.time.replaceChildren(make("time", time, when(message.createdAt)));
    cells.model.textContent = message.model;
    cells.model.title = message.model;
    cells.provider.textContent = message.providerName ?? "–";
    cells.outcome.replaceChildren(make("span", { class: `badge ${kind}` }, word));
    cells.tokens.textContent = count(message.totalTokens);
    cells.tokens.title = directions(message);
    cells.tokens.classList.toggle("none", message.totalTokens === null);
    cells.took.textContent = duration(message.responseTimeMs);
    cells.took.classList.toggle("none", message.responseTimeMs === null);
    // A link without a text could neither be seen nor chosen.
    this.#link.textContent = message.requestPreview.trim() || "(empty)";
    this.#answer.textContent = message.error ?? message.responsePreview ?? "";
  }
}
