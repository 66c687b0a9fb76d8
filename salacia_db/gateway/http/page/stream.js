/** Server-sent events over fetch: unlike EventSource it can send the token. */

import { Refused, ask } from "./api.js";

const SILENCE = 45_000; // the gateway gives a sign of life every 15 seconds
const LONGEST_WAIT = 30_000;

/**
 * Follows a stream for as long as the page is seen, and from where it was when that was interrupted.
 * A page that nobody sees holds no connection: browsers have few for each server.
 */
export class Stream {
  #path;
  #on;
  #last = null;
  #wait = 1000;
  #running = null;

  /**
   * @param {string} path
   * @param {{event: (name: string, data: any) => void, open?: (resumed: boolean) => void,
   *   down?: () => void}} on `open`: events are coming; `resumed` where none was missed before.
   */
  constructor(path, on) {
    this.#path = path;
    this.#on = on;
  }

  /** Begins, and stops while the page is hidden. */
  start() {
    const look = () => (document.hidden ? this.#stop() : this.#go());
    document.addEventListener("visibilitychange", look);
    look();
  }

  #stop() {
    this.#running?.abort();
    this.#running = null;
  }

  async #go() {
    if (this.#running !== null) return;
    const running = new AbortController();
    this.#running = running;
    while (!running.signal.aborted) {
      const attempt = new AbortController();
      const end = () => attempt.abort();
      running.signal.addEventListener("abort", end);
      try {
        await this.#follow(attempt);
      } catch (error) {
        if (error instanceof Refused && error.status === 401) return;
      }
      running.signal.removeEventListener("abort", end);
      if (running.signal.aborted) return;
      this.#on.down?.();
      // Not all pages at once after a restart.
      const wait = this.#wait * (0.5 + Math.random());
      await new Promise((resolve) => setTimeout(resolve, wait));
      this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
    }
  }

  async #follow(attempt) {
    const resumed = this.#last !== null;
    const headers = resumed ? { "last-event-id": this.#last } : {};
    let timer = setTimeout(() => attempt.abort(), SILENCE);
    try {
      const response = await ask(this.#path, { headers, signal: attempt.signal });
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      let open = false;
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        clearTimeout(timer);
        timer = setTimeout(() => attempt.abort(), SILENCE);
        if (!open) {
          open = true;
          this.#wait = 1000;
          this.#on.open?.(resumed);
        }
        const frames = (text + value).split("\n\n");
        text = frames.pop();
        frames.forEach((frame) => this.#tell(frame));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #tell(frame) {
    const fields = {};
    for (const line of frame.split("\n")) {
      const colon = line.indexOf(": ");
      if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 2);
    }
    if (fields.id !== undefined) this.#last = fields.id;
    if (fields.event === undefined) return;
    this.#on.event(fields.event, fields.data ? JSON.parse(fields.data) : null);
  }
}
