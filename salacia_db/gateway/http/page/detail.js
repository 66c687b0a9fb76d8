/** One message in a dialog: what was said, how it ended, and the JSON of both directions. */

import { ask, sentence } from "./api.js";
import { answered, asked } from "./conversation.js";
import { announce, byId, make } from "./dom.js";
import { count, duration, exactly } from "./format.js";
import { parse, pretty } from "./json.js";
import { directions, outcome } from "./row.js";

export class Detail {
  #dialog = byId("detail");
  #id = null;

  /** @param {() => void} closed called when somebody closes it */
  constructor(closed) {
    byId("detail-close").addEventListener("click", () => this.#dialog.close());
    this.#dialog.addEventListener("close", () => {
      this.#id = null;
      closed();
    });
  }

  /** Shows a message, or none. @param {string | null} id */
  show(id) {
    if (id === this.#id) return;
    this.#id = id;
    if (id === null) {
      this.#dialog.close();
      return;
    }
    byId("detail-title").textContent = "Message";
    byId("detail-body").replaceChildren(make("p", { class: "quiet" }, "Loading …"));
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#load(id);
  }

  /** Reads it again where this is the message that is shown. @param {string} id */
  refresh(id) {
    if (id === this.#id) this.#load(id);
  }

  async #load(id) {
    let content;
    try {
      const response = await ask(`api/messages/${encodeURIComponent(id)}`);
      const message = parse(await response.text());
      byId("detail-title").textContent = message.model;
      content = contentOf(message);
    } catch (error) {
      content = [make("p", { class: "error", role: "alert" }, sentence(error))];
    }
    if (id === this.#id) byId("detail-body").replaceChildren(...content);
  }
}

function contentOf(message) {
  const [word, kind] = outcome(message);
  const tokens = directions(message);
  const provider = message.providerName ?? (message.providerId ? "deleted" : "–");
  const facts = [
    ["Outcome", make("span", { class: `badge ${kind}` }, word)],
    ["Status", message.statusCode ?? "–"],
    ["Time", exactly(message.createdAt)],
    ["Response time", duration(message.responseTimeMs)],
    ["Tokens", tokens ? `${count(message.totalTokens)} (${tokens})` : count(message.totalTokens)],
    ["Provider", message.providerType ? `${provider} (${message.providerType})` : provider],
    ["Id", make("code", {}, message.id)],
  ];
  const list = facts.map(([name, value]) =>
    make("div", {}, make("dt", {}, name), make("dd", {}, value)),
  );
  return [
    make("dl", { class: "facts" }, ...list),
    message.error === null ? null : section("Error", [make("pre", { class: "error" }, message.error)]),
    section("Prompt", asked(message.request).map(turn)),
    message.response === null ? null : section("Answer", answer(message.response)),
    source("Request as JSON", message.request),
    message.response === null ? null : source("Response as JSON", message.response),
  ].filter((part) => part !== null);
}

function section(title, children) {
  const none = make("p", { class: "quiet" }, "No text in a format that is known here: see the JSON.");
  return make("section", {}, make("h3", {}, title), ...(children.length ? children : [none]));
}

function answer(response) {
  const text = answered(response);
  return text ? [said(text)] : [];
}

function turn({ role, text }) {
  return make("div", { class: "turn" }, make("span", { class: "role" }, role), said(text));
}

function said(text) {
  return make("p", { class: "said" }, text);
}

function source(title, value) {
  const text = pretty(value);
  const copy = make("button", { type: "button", class: "small" }, "Copy");
  copy.hidden = navigator.clipboard === undefined; // only pages served securely have it
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text);
    announce("Copied");
    copy.textContent = "Copied";
  });
  const code = make("pre", { tabindex: "0", "aria-label": title }, text);
  return make("details", { class: "source" }, make("summary", {}, title), copy, code);
}
