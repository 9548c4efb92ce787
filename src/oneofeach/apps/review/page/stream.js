// One group at a time, its images side by side: large pictures, the facts that differ, and the reason.
import { Ahead, letGo } from "./ahead.js";
import { Compare } from "./compare.js";
import { Captions } from "./captions.js";
import { decided } from "./deck.js";
import { byId, count, date, h, plural, say, size, thumbnail, whole } from "./dom.js";

/** @typedef {import("./types.js").Card} Card */
/** @typedef {import("./types.js").Picture} Picture */

const DWELL = 220; // ms on one group before the whole pictures are loaded
const WHOLE = 8; // groups of more images show thumbnails
/** Name, value, what the best has most of, and whether the value says by itself what it is.
 * @type {[string, (image: Picture) => string, ((image: Picture) => number) | null, boolean][]} */
const FACTS = [
  ["Size", (image) => `${image.width} × ${image.height}`, (image) => image.width * image.height, true],
  ["Bytes", (image) => (image.bytes ? size(image.bytes) : "in memory"), null, true],
  ["Format", (image) => image.format || "array", null, true],
  ["Quality", (image) => (image.quality ? `${image.quality}` : "not known"), (image) => image.quality, false],
  ["Sharpness", (image) => image.sharpness.toFixed(image.sharpness < 100 ? 1 : 0), null, false],
  ["Date", (image) => date(image.date), null, true],
  ["Folder", (image) => `${image.folder || "."}/`, null, true],
  ["Note", (image) => image.note, null, true],
  ["Caption", (image) => image.caption || "none", null, false],
];
/** What is said only where it differs. */
const QUIET = ["Sharpness", "Caption"];

export class Stream {
  /** @param {import("./deck.js").Deck} deck @param {import("./types.js").Boot} boot */
  constructor(deck, boot) {
    this.deck = deck;
    this.stage = byId("stage", HTMLElement);
    this.compare = new Compare();
    this.ahead = new Ahead();
    this.captions = new Captions(deck, boot.caption_rules);
    /** The image that X and the comparison are about. */
    this.chosen = 1;
    this.shown = "";
  }

  /** @returns {Picture | undefined} */
  get selected() {
    return this.deck.current?.images[this.chosen];
  }

  /** Draw the current card, when it differs from what is there. */
  draw() {
    const card = this.deck.current;
    const total = this.deck.total;
    const name = card ? `${this.deck.at} ${card.number} ${card.version} ${card.kind} ${stays(card)} ${total}` : `none ${total}`;
    if (name === this.shown) return;
    this.shown = name;
    const same = Boolean(card && this.isSame(card));
    if (card && same && this.drawn && compared(card) === compared(this.drawn)) return this.mark(card);
    if (!same) this.chosen = Math.min(1, (card?.images.length ?? 1) - 1);
    const focused = same && this.stage.querySelector("figure:focus-within");
    this.drawn = card;
    this.stage.classList.remove("overview");
    letGo(this.stage);
    this.stage.replaceChildren(...(card ? this.group(card) : [this.nothing()]));
    if (focused) this.choose(this.chosen);
    if (!card) return;
    this.compare.show(card, this.chosen, this.stage);
    this.announce(card);
    this.preload();
    clearTimeout(this.timer);
    if (card.images.length <= WHOLE) this.timer = setTimeout(() => this.sharpen(card), DWELL);
  }

  /** @param {Card} card */
  isSame(card) {
    const rows = this.drawn?.images.map((image) => image.row);
    return this.at === this.deck.at && rows?.join() === card.images.map((image) => image.row).join();
  }

  /** Only fates have changed, and not whom the others are compared with. @param {Card} card */
  mark(card) {
    this.drawn = card;
    this.stage.querySelector(".about")?.replaceWith(this.about(card));
    for (const [at, figure] of this.stage.querySelectorAll("figure.card").entries()) {
      const image = card.images[at];
      if (!image) continue;
      figure.className = classes(image);
      figure.querySelector(".fate")?.replaceWith(fate(image));
      figure.querySelector(".toggle")?.replaceChildren(toggling(image));
    }
    this.choose(this.chosen, false);
  }

  nothing() {
    const empty = this.deck.total === 0;
    const search = this.deck.query || this.deck.filter !== "all";
    const text = !empty ? "Loading… a key counts once the group is here." : search ? "No group matches this filter." : "No duplicates at this threshold.";
    this.drawn = undefined;
    return h("p", { className: "nothing" }, text);
  }

  /** @param {Card} card */
  group(card) {
    this.at = this.deck.at;
    const cards = card.images.map((image, at) => this.card(card, image, at));
    const more = card.count > cards.length && h("p", { className: "more" }, `and ${count(card.count - cards.length)} more`);
    const many = card.images.length > 6 ? "cards many" : "cards";
    const grid = h("div", { className: many, role: "list", "aria-label": "Images of this group" }, ...cards, more);
    grid.style.setProperty("--n", String(Math.min(card.images.length, 6)));
    return [this.about(card), grid];
  }

  /** Which group this is, and why the suggestion is as it is. @param {Card} card */
  about(card) {
    const keeper = keeperOf(card);
    const staying = card.images.filter((image) => image.stays).length;
    const going = staying === card.images.length ? 0 : card.count - staying;
    const state = card.kind === "settled" ? "settled by another decision" : decided(card) || "open";
    const sentence =
      card.kind === "settled"
        ? "Nothing is left to decide here."
        : going
          ? `${staying > 1 ? `${staying} stay` : `${keeper?.name ?? ""} stays`}, ${plural(going, "goes", "go")}.`
          : "All stay.";
    const why = card.reason && h("span", { className: "why" }, card.reason[0]?.toUpperCase() + card.reason.slice(1));
    return h(
      "p",
      { className: `about ${card.kind}` },
      h("strong", {}, `${count(this.deck.at + 1)} of ${count(this.deck.total)}`),
      h("span", { className: "state" }, state),
      h("span", {}, sentence),
      why,
    );
  }

  /** @param {Card} card @param {Picture} image @param {number} at */
  card(card, image, at) {
    const keeper = keeperOf(card);
    const picture = h("img", { alt: image.name, src: thumbnail(image), decoding: "async", draggable: false });
    picture.addEventListener("error", () => picture.classList.add("missing"));
    const figure = h(
      "figure",
      { className: classes(image), tabIndex: 0, role: "listitem", "aria-label": `Image ${at + 1}: ${image.name}` },
      h("div", { className: "picture" }, picture),
      h(
        "figcaption",
        {},
        h("div", { className: "head" }, h("kbd", {}, String(at + 1)), fate(image), this.likeness(image, keeper)),
        h("p", { className: "name", title: image.name }, image.name),
        facts(card, image),
        image.evidence && h("p", { className: "evidence" }, image.evidence),
        image === keeper && card.kind !== "settled" && this.captions.editor(card, image),
        this.buttons(image),
      ),
    );
    figure.addEventListener("focus", () => this.choose(at, false));
    figure.querySelector(".picture")?.addEventListener("click", () => this.choose(at));
    return figure;
  }

  /** @param {Picture} image @param {Picture | undefined} keeper */
  likeness(image, keeper) {
    if (image === keeper) return null;
    return h("span", { className: "likeness", title: "Similarity to the one that stays" }, image.similarity.toFixed(4));
  }

  /** @param {Picture} image */
  buttons(image) {
    if (this.deck.status.read_only) return null;
    const keep = h("button", { type: "button", className: "keep-this" }, "Keep only this");
    const toggle = h("button", { type: "button", className: "toggle" }, toggling(image));
    keep.addEventListener("click", () => this.deck.decide("keep", image.row));
    toggle.addEventListener("click", () => this.deck.decide("toggle", image.row));
    return h("div", { className: "buttons" }, keep, toggle);
  }

  /** @param {number} at @param {boolean} [focus] */
  choose(at, focus = true) {
    const figures = [...this.stage.querySelectorAll("figure.card")];
    this.chosen = Math.max(0, Math.min(at, figures.length - 1));
    for (const [place, figure] of figures.entries()) figure.classList.toggle("chosen", place === this.chosen);
    const figure = figures[this.chosen];
    if (focus && figure instanceof HTMLElement) figure.focus({ preventScroll: false });
    if (this.drawn) this.compare.show(this.drawn, this.chosen, this.stage);
  }

  /** Whole pictures in place of thumbnails, once they are decoded. @param {Card} card */
  sharpen(card) {
    for (const [at, picture] of [...this.stage.querySelectorAll("figure.card img")].entries()) {
      const image = card.images[at];
      if (!image || !(picture instanceof HTMLImageElement) || picture.classList.contains("missing")) continue;
      const large = new Image();
      large.src = whole(image);
      large.decode().then(
        () => this.drawn?.images[at]?.row === image.row && picture.isConnected && (picture.src = large.src),
        () => {}, // the thumbnail stays
      );
    }
  }

  /** The next groups' thumbnails. */
  preload() {
    const next = [1, 2, 3].flatMap((ahead) => this.deck.get(this.deck.at + ahead)?.images.slice(0, 12) ?? []);
    this.ahead.want(next.map(thumbnail));
  }

  /** @param {Card} card */
  announce(card) {
    const keeper = keeperOf(card);
    say(`Group ${this.deck.at + 1} of ${this.deck.total}, ${plural(card.count, "image")}, ${keeper?.name ?? ""} stays`);
  }
}

/** The one that the others are compared with. @param {Card} card */
const keeperOf = (card) => card.images.find((image) => image.stays) ?? card.images[0];

/** What is said about each of them beside the one that stays. @param {Card} card */
const compared = (card) => [keeperOf(card)?.row, ...card.images.map((image) => image.similarity)].join();

/** @param {Card} card */
const stays = (card) => card.images.map((image) => (image.stays ? 1 : 0)).join("");

/** @param {Picture} image */
const classes = (image) => `card ${image.gone ? "gone" : image.stays ? "stays" : "goes"}`;

/** @param {Picture} image */
function fate(image) {
  return h("span", { className: "fate" }, image.gone ? "GONE" : image.stays ? "STAYS" : "GOES");
}

/** What X and the button do to an image. @param {Picture} image */
const toggling = (image) => (image.stays ? "Let it go" : "Let it stay");

/** The facts of one image, in the same places for all of a group. What differs from the one that stays is marked, and
 * the best of what differs. @param {Card} card @param {Picture} image */
function facts(card, image) {
  const list = h("dl", {});
  const keeper = keeperOf(card);
  for (const [name, show, worth, plain] of FACTS) {
    const text = show(image);
    const differ = card.images.some((other) => show(other) !== text);
    if (!differ && (!text || text === "./" || QUIET.includes(name))) continue;
    if (name === "Caption" && image === keeper && card.kind !== "settled") continue; // it is in its editor
    const best = differ && worth && card.images.every((other) => worth(other) <= worth(image)) ? "best" : "";
    const differs = keeper && show(keeper) !== text ? "differs" : "";
    const value = h("dd", { className: `${differs} ${best}`.trim(), title: text }, text);
    list.append(h("div", { className: name === "Caption" ? "wide" : "" }, h("dt", { className: plain ? "unseen" : "" }, name), value));
  }
  return list;
}
