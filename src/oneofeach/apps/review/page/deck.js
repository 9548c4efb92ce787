// The cards of one list: fetched fifty at a time, kept while near, decided at once and confirmed later.
import { Refusal, ask, order, settled, tell } from "./api.js";
import { banner } from "./dom.js";

/** @typedef {import("./types.js").Card} Card */

export const PAGE = 50;
const PAGES_KEPT = 16;
const PAUSE = 100; // ms before looking again at what changed while it was looked at
const WORDS = { keep: "kept one", accept: "accepted", all: "all kept", apart: "not duplicates", toggle: "changed" };

export class Deck extends EventTarget {
  /** @param {import("./types.js").Boot} boot */
  constructor(boot) {
    super();
    /** @type {import("./types.js").Status} */
    this.status = boot;
    this.filter = boot.filter;
    this.query = boot.query;
    this.mode = boot.mode;
    this.at = 0;
    this.total = 0;
    /** @type {Map<number, Card[]>} */
    this.pages = new Map();
    /** @type {Map<number, AbortController>} */
    this.asked = new Map();
    /** Grows with everything done here, so that an answer can tell that it comes too late. */
    this.stamp = 0;
    this.behind = false;
    /** @type {Promise<void> | undefined} */
    this.looking = undefined;
    this.place(boot);
  }

  /** Tell those who draw: "cards" when any card may differ, "move" for another current one, "status" for numbers.
   * @param {string} what */
  emit(what) {
    this.dispatchEvent(new Event(what));
  }

  /** The card at a place, if it is here; otherwise it is asked for. @param {number} at @returns {Card | undefined} */
  get(at) {
    if (at < 0 || at >= this.total) return undefined;
    const page = Math.floor(at / PAGE);
    const cards = this.pages.get(page);
    if (!cards) void this.fetch(page);
    return cards?.[at - page * PAGE];
  }

  get current() {
    return this.get(this.at);
  }

  /** Ask for these pages, when what was asked for before is here: who scrolls fast wants only the last ones.
   * @param {number[]} pages */
  want(pages) {
    if (this.asked.size) return;
    for (const page of pages) if (page >= 0 && page * PAGE < this.total && !this.pages.has(page)) void this.fetch(page);
  }

  /** @param {number} page */
  async fetch(page) {
    if (this.asked.has(page)) return;
    const control = new AbortController();
    this.asked.set(page, control);
    const fields = { filter: this.filter, query: this.query, start: page * PAGE, count: PAGE };
    try {
      const found = await ask("cards", fields, control.signal);
      if (this.asked.get(page) !== control) return;
      this.asked.delete(page);
      this.keep(found);
      this.emit("cards");
    } catch (error) {
      if (error instanceof Refusal) banner(error.message);
      else if (!control.signal.aborted) setTimeout(() => this.emit("cards"), 1000);
    } finally {
      if (this.asked.get(page) === control) this.asked.delete(page);
    }
  }

  /** @param {import("./types.js").Page} found */
  keep(found) {
    this.total = found.total;
    const here = Math.floor(found.start / PAGE);
    this.pages.delete(here);
    this.pages.set(here, found.cards);
    for (const page of this.pages.keys()) {
      if (this.pages.size <= PAGES_KEPT) break;
      if (Math.abs(page - Math.floor(this.at / PAGE)) > 1) this.pages.delete(page);
    }
  }

  /** Begin anew: the list has changed. @param {import("./types.js").Place} place */
  place(place) {
    const before = this.at;
    for (const control of this.asked.values()) control.abort();
    this.asked.clear();
    this.pages = new Map();
    this.stamp += 1;
    this.at = Math.max(0, Math.min(place.at, place.page.total - 1));
    this.keep(place.page);
    this.emit("cards");
    if (this.at !== before) this.emit("move"); // who has scrolled away from where they are stays there
  }

  /** Begin anew where the reader wants to be. @param {import("./types.js").Place} place */
  arrive(place) {
    this.place(place);
    this.emit("move");
  }

  /** Where this page looks: sent with orders after which the list is another one. */
  look() {
    const images = this.current?.images;
    return { filter: this.filter, query: this.query, ...(images && { row: images[images.length - 1]?.row }) };
  }

  /** @param {number} at */
  go(at) {
    const next = Math.max(0, Math.min(at, this.total - 1));
    if (next === this.at && this.total) return;
    this.at = next;
    this.stamp += 1;
    for (const ahead of [0, PAGE]) this.get(next + ahead); // keys are pressed faster than answers come
    this.emit("move");
    this.remember();
  }

  /** Past what needs no decision any more. @param {number} step */
  step(step) {
    let at = this.at + step;
    while (this.get(at)?.kind === "settled") at += step;
    this.go(at);
  }

  /** @param {import("./types.js").Status | undefined} status */
  heard(status) {
    if (!status || status.revision < this.status.revision) return;
    this.status = status;
    this.emit("status");
  }

  /**
   * Decide about the current card, and go on without waiting.
   * @param {string} action
   * @param {number} [row]
   */
  decide(action, row = -1) {
    const card = this.current;
    if (!card || card.kind === "settled" || this.status.read_only) {
      if (this.status.read_only) banner("This review is read-only.");
      return;
    }
    const at = this.at;
    const guess = guessed(card, action, row);
    if (!guess) return banner("One image has to stay: keep another one first.");
    const named = card.named ?? { number: card.number, version: card.version, waiting: 0 };
    named.waiting += 1;
    this.stamp += 1;
    this.put(at, { ...guess, named });
    if (action !== "toggle") this.step(1);
    void this.send(at, named, action, row);
  }

  /**
   * @param {number} at
   * @param {import("./types.js").Named} named shared by all that is decided about a card before the first answer comes
   * @param {string} action
   * @param {number} row
   */
  async send(at, named, action, row) {
    const { pages } = this;
    try {
      const answer = await order("decide", () => ({ number: named.number, version: named.version, action, row }));
      named.number = answer.card.number;
      named.version = answer.card.version;
      named.waiting -= 1;
      if (pages !== this.pages) void this.refresh();
      else if (!named.waiting) this.put(at, answer.card);
      this.heard(answer.status);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      banner(`${error.message}. ${error.hint}`);
      if (pages === this.pages) this.go(at);
      void this.refresh();
    }
  }

  /** @param {number} at @param {Card} card */
  put(at, card) {
    const page = Math.floor(at / PAGE);
    const cards = this.pages.get(page);
    if (cards) cards[at - page * PAGE] = card;
    this.emit("cards");
  }

  /** An order after which the list is another one. @param {string} name @param {object} [fields] */
  async change(name, fields = {}) {
    try {
      const answer = await order(name, () => ({ ...this.look(), ...fields }));
      if (answer.page) this.arrive(answer);
      this.heard(answer.status);
      return answer;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      banner(`${error.message}. ${error.hint}`);
      return undefined;
    }
  }

  async undo() {
    const answer = await this.change("undo");
    if (answer) banner(answer.undone ? "" : "Nothing to undo.", false);
  }

  /** Show another list. @param {string} filter @param {string} query */
  async show(filter, query) {
    Object.assign(this, { filter, query });
    this.stamp += 1;
    await this.refresh();
    this.emit("move");
    this.remember();
  }

  /** Draw the list anew: it was filtered, or another page has decided. What is done here meanwhile goes first. */
  refresh() {
    this.behind = true;
    return (this.looking ??= this.lookAgain());
  }

  async lookAgain() {
    try {
      while (this.behind) await this.catchUp();
    } catch (error) {
      if (error instanceof Refusal) banner(error.message); // a lost connection is looked at again when it is back
    } finally {
      this.looking = undefined;
    }
  }

  async catchUp() {
    await settled();
    const { stamp } = this;
    const place = await ask("look", this.look());
    if (stamp === this.stamp) {
      this.behind = false;
      this.place(place);
      this.heard(place.status);
    } else await new Promise((resume) => setTimeout(resume, PAUSE));
  }

  /** The next run begins here. */
  remember() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.saveNow(), 250);
  }

  saveNow() {
    clearTimeout(this.timer);
    const number = this.current?.number;
    const fields = { mode: this.mode, filter: this.filter, query: this.query, ...(number !== undefined && { number }) };
    tell("state", fields).catch(() => {}); // the next move saves it again
  }
}

/**
 * The card as it will be once the server has confirmed; null when nothing would stay.
 * @param {Card} card
 * @param {string} action
 * @param {number} row
 * @returns {Card | null}
 */
function guessed(card, action, row) {
  const stays = (/** @type {import("./types.js").Picture} */ image) => {
    if (action === "keep") return image.row === row;
    if (action === "toggle") return image.row === row ? !image.stays : image.stays;
    return action === "accept" ? image.stays : true;
  };
  const images = card.images.map((image) => ({ ...image, stays: stays(image) }));
  if (!images.some((image) => image.stays) && card.count <= images.length) return null;
  const kind = action === "toggle" ? "marks" : action === "accept" && card.kind === "near" ? "apart" : action;
  return { ...card, images, kind: action === "accept" && !["open", "near"].includes(card.kind) ? card.kind : kind };
}

/** What was decided about a card, in words. @param {Card} card */
export function decided(card) {
  const words = { ...WORDS, marks: "chosen one by one", bulk: "accepted with others" };
  return Reflect.get(words, card.kind) ?? "";
}
