/** The list of messages: a page of it, and what happens to messages meanwhile. */

import { askJson, sentence } from "./api.js";
import { announce, byId } from "./dom.js";
import { firstPage, isFiltered, isLive, matches } from "./filter.js";
import { some } from "./format.js";
import { Row } from "./row.js";

const GATHER = 300; // milliseconds
const MANY = 200;
const SAY_EVERY = 5000;

export class MessageList {
  #table = byId("rows");
  #rows = new Map();
  #query = null;
  #next = null;
  #previous = null;
  #loading = null;
  #waiting = [];
  #timer = null;
  #unseen = 0;
  #paused = false;
  #came = 0;
  #said = 0;
  #go;
  /** Whether the last attempt to read the list failed. */
  hasFailed = false;

  /** @param {(query: URLSearchParams, options?: {replace: boolean}) => void} go shows another query */
  constructor(go) {
    this.#go = go;
    byId("next").addEventListener("click", () => this.#turn("after", this.#next));
    byId("previous").addEventListener("click", () => this.#turn("before", this.#previous));
    byId("retry").addEventListener("click", () => this.load());
    byId("newer").addEventListener("click", () => this.#toTop());
    byId("pause").addEventListener("change", (event) => {
      this.#paused = event.target.checked;
      if (!this.#paused && this.#unseen) this.#toTop();
    });
  }

  /** Shows the messages of a query; does nothing where they are shown. @param {URLSearchParams} query */
  show(query) {
    if (this.#query?.toString() === query.toString()) return;
    const before = this.#query && firstPage(this.#query).toString();
    if (before !== firstPage(query).toString()) this.#unseen = 0;
    this.#query = query;
    this.load();
  }

  /** Reads what is shown again. */
  async load() {
    if (this.#query === null) return;
    this.#loading?.abort();
    const loading = new AbortController();
    this.#loading = loading;
    byId("list").setAttribute("aria-busy", "true");
    byId("list-error").hidden = true;
    this.hasFailed = false;
    try {
      const found = await askJson(`api/messages?${this.#query}`, { signal: loading.signal });
      if (loading.signal.aborted) return;
      this.#loading = null;
      if (this.#query.has("before") && found.previousCursor === null) {
        // It may be short, and it is no longer the first when new ones come.
        this.#go(firstPage(this.#query), { replace: true });
        return;
      }
      this.#render(found);
      announce(found.items.length ? `${some(found.items.length, "message")} shown` : "No messages");
    } catch (error) {
      if (loading.signal.aborted) return;
      this.#loading = null;
      this.#fail(error);
    }
    byId("list").setAttribute("aria-busy", "false");
  }

  /**
   * Takes an event of a message.
   * @param {string} name
   * @param {Record<string, any>} message
   */
  take(name, message) {
    if (this.#query === null || this.hasFailed) return;
    if (name === "gap") {
      this.load();
      return;
    }
    this.#waiting.push({ isNew: name === "message:created", message });
    this.#timer ??= setTimeout(() => this.#flush(), GATHER);
  }

  #flush() {
    this.#timer = null;
    if (this.#loading !== null) {
      this.#timer = setTimeout(() => this.#flush(), GATHER);
      return;
    }
    const waiting = this.#waiting.splice(0);
    const live = isLive(this.#query) && !this.#paused;
    let came = 0;
    for (const { isNew, message } of waiting) {
      if (message.createdAt === undefined) this.#remove(message.id);
      else if (this.#rows.has(message.id)) this.#rows.get(message.id).show(message);
      else if (!matches(message, this.#query)) continue;
      else if (live) came += this.#insert(message);
      else if (isNew) this.#unseen += 1;
    }
    if (live && this.#rows.size > this.#limit + MANY) this.load();
    this.#say(came);
    this.#update();
  }

  get #limit() {
    return Number(this.#query.get("limit") ?? 20);
  }

  /** Puts a message where it belongs; gives 0 where that is behind what is shown, else 1. */
  #insert(message) {
    const shown = [...this.#table.children];
    const place = shown.find((row) => isNewer(message, this.#rows.get(row.dataset.id).message));
    if (place === undefined && this.#next !== null) return 0;
    const row = this.#add(message).element;
    row.classList.add("fresh");
    this.#table.insertBefore(row, place ?? null);
    return 1;
  }

  #add(message) {
    const address = new URLSearchParams(this.#query);
    address.set("message", message.id);
    const row = new Row(message, `?${address}`);
    this.#rows.set(message.id, row);
    return row;
  }

  #remove(id) {
    this.#rows.get(id)?.element.remove();
    this.#rows.delete(id);
  }

  #render({ items, nextCursor, previousCursor }) {
    this.#rows.clear();
    this.#table.replaceChildren(...items.map((message) => this.#add(message).element));
    this.#next = nextCursor;
    this.#previous = previousCursor;
    if (previousCursor === null) this.#unseen = 0;
    this.#update();
  }

  #update() {
    byId("list-loading").hidden = true;
    byId("next").setAttribute("aria-disabled", String(this.#next === null));
    byId("previous").setAttribute("aria-disabled", String(this.#previous === null));
    const newer = byId("newer");
    newer.hidden = this.#unseen === 0;
    newer.textContent = some(this.#unseen, "new message");
    const empty = this.#rows.size === 0;
    byId("table").hidden = empty;
    byId("pages").hidden = empty && this.#previous === null;
    byId("none-yet").hidden = !empty || isFiltered(this.#query);
    byId("none-matches").hidden = !empty || !isFiltered(this.#query);
  }

  #fail(error) {
    this.hasFailed = true;
    this.#render({ items: [], nextCursor: null, previousCursor: null });
    byId("none-yet").hidden = byId("none-matches").hidden = true;
    byId("list-error").hidden = false;
    byId("list-error-text").textContent = sentence(error);
  }

  #say(came) {
    this.#came += came;
    if (this.#came === 0 || Date.now() - this.#said < SAY_EVERY) return;
    announce(some(this.#came, "new message"));
    this.#came = 0;
    this.#said = Date.now();
  }

  #turn(direction, cursor) {
    if (cursor === null) return;
    const query = firstPage(this.#query);
    query.set(direction, cursor);
    this.#go(query);
    byId("list").scrollIntoView();
  }

  #toTop() {
    const first = firstPage(this.#query);
    if (first.toString() === this.#query.toString()) this.load();
    else this.#go(first);
    byId("list").focus();
  }
}

function isNewer(a, b) {
  const [first, second] = [Date.parse(a.createdAt), Date.parse(b.createdAt)];
  return first === second ? a.id > b.id : first > second;
}
