// Talking to the server: questions at any time, orders one after another, and what other pages have done.
import { found, lost } from "./dom.js";

/** The server's refusal, with its hint. */
export class Refusal extends Error {
  /** @param {number} status @param {string} message @param {string} [hint] */
  constructor(status, message, hint = "") {
    super(message);
    this.status = status;
    this.hint = hint;
  }
}

/** @param {Response} answer @returns {Promise<any>} */
async function read(answer) {
  const kind = answer.headers.get("content-type") || "";
  const body = kind.includes("json") ? await answer.json() : { error: (await answer.text()).trim() };
  if (!answer.ok) throw new Refusal(answer.status, body.error, body.hint);
  return body;
}

/**
 * A question; nothing changes by it.
 * @param {string} name
 * @param {Record<string, string | number>} [fields]
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function ask(name, fields = {}, signal) {
  const query = new URLSearchParams(Object.entries(fields).map(([key, value]) => [key, String(value)]));
  return read(await fetch(`/api/${name}?${query}`, { signal: signal ?? null }));
}

/** What the server knows this page by, so that it does not tell it what it did itself. */
const PAGE = crypto.getRandomValues(new Uint32Array(2)).join("-");

/** An order, right now. @param {string} name @param {object} fields @returns {Promise<any>} */
export async function tell(name, fields = {}) {
  return read(
    await fetch(`/api/${name}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...fields, page: PAGE }),
      keepalive: name === "state",
    }),
  );
}

let last = Promise.resolve();
let waiting = 0;
let turns = 0;

/** Until every order was answered. */
export async function settled() {
  while (waiting) await last;
}

/**
 * An order in its turn: it is sent when all before it were answered, and again when the connection is lost.
 * @param {string} name
 * @param {() => object} fields asked for when its turn has come
 * @returns {Promise<any>}
 */
export function order(name, fields) {
  waiting += 1;
  const turn = ++turns; // an order that was done, but whose answer was lost on the way, is not done again
  const answer = last.then(() => insist(name, { ...fields(), turn }));
  const done = () => void (waiting -= 1);
  last = answer.then(done, done);
  return answer;
}

/** @param {string} name @param {object} fields */
async function insist(name, fields) {
  for (let wait = 250; ; wait = Math.min(wait * 2, 2000)) {
    try {
      const answer = await tell(name, fields);
      found();
      return answer;
    } catch (error) {
      if (error instanceof Refusal) throw error;
      lost(": not saved yet, trying again.");
      await new Promise((resume) => setTimeout(resume, wait));
    }
  }
}

window.addEventListener("beforeunload", (event) => {
  if (waiting) event.preventDefault();
});

/**
 * Hear what the server tells. One page of a browser listens for all: connections to one server are few.
 * @param {(event: any) => void} told of everything but what this page did itself
 */
export function listen(told) {
  const channel = new BroadcastChannel("oneofeach");
  const hear = (/** @type {any} */ event) => {
    if (event.type === "connected" && !waiting) found();
    if (event.by !== PAGE) told(event);
  };
  const tellAll = (/** @type {any} */ event) => {
    channel.postMessage(event);
    hear(event);
  };
  channel.onmessage = (message) => hear(message.data);
  void navigator.locks.request("oneofeach-events", () => {
    const source = new EventSource("/api/events");
    source.onmessage = (message) => tellAll(JSON.parse(message.data));
    source.onopen = () => tellAll({ type: "connected" });
    source.onerror = () => lost(".");
    return new Promise(() => {}); // held until this page is closed; then the next one takes over
  });
}
