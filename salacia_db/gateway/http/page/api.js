/** Asking the gateway. The token, where one is needed, is kept for as long as the tab is open. */

const KEY = "salacia-token";
let locked = () => {};

/** The gateway refused, or wasn't there (status 0). */
export class Refused extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

/**
 * Has a function called when the gateway wants a token, or another one.
 * @param {() => void} callback
 */
export function onLocked(callback) {
  locked = callback;
}

/** Whether a token is sent. */
export function hasToken() {
  return sessionStorage.getItem(KEY) !== null;
}

/** @param {string | null} token */
export function setToken(token) {
  if (token === null) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, token);
}

/**
 * Sends a request; `body` goes as JSON. Raises `Refused` with what the gateway says is wrong.
 * @param {string} path relative to the page
 * @param {{method?: string, body?: unknown, headers?: Record<string, string>, signal?: AbortSignal}} [options]
 * @returns {Promise<Response>}
 */
export async function ask(path, { method = "GET", body, headers = {}, signal } = {}) {
  const sent = { ...headers };
  if (body !== undefined) sent["content-type"] = "application/json";
  if (hasToken()) sent.authorization = `Bearer ${sessionStorage.getItem(KEY)}`;
  let response;
  try {
    const content = body === undefined ? undefined : JSON.stringify(body);
    response = await fetch(path, { method, headers: sent, body: content, signal });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Refused(0, "the gateway can’t be reached");
  }
  if (response.ok) return response;
  if (response.status === 401) locked();
  const told = await response.json().catch(() => ({}));
  throw new Refused(response.status, told.error ?? `the gateway answered ${response.status}`);
}

/**
 * The same, and the answer's JSON.
 * @param {string} path
 * @param {Parameters<typeof ask>[1]} [options]
 * @returns {Promise<any>}
 */
export async function askJson(path, options) {
  const response = await ask(path, options);
  return response.status === 204 ? null : response.json();
}

/**
 * What went wrong as a sentence.
 * @param {Error} error
 */
export function sentence(error) {
  const text = error.message;
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
