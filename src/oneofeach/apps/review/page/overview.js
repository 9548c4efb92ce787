// A dense grid of groups. Only what is in sight exists; beyond sixteen million pixels the scroll bar is scaled, because
// browsers cut elements off at some height.
import { PAGE, decided } from "./deck.js";
import { byId, h, plural, say, thumbnail } from "./dom.js";

/** @typedef {import("./types.js").Card} Card */

export const HIGHEST = 16_000_000; // px
const ROW = 156; // px
const WIDTH = 300; // px, at least
const THUMBNAILS = 5;

export class Overview {
  /** @param {import("./deck.js").Deck} deck */
  constructor(deck) {
    this.deck = deck;
    this.stage = byId("stage", HTMLElement);
    this.sizer = h("div", { className: "sizer" });
    this.list = h("div", {
      id: "list",
      tabIndex: 0,
      role: "listbox",
      "aria-label": "Groups, those at the border first",
    });
    this.list.append(this.sizer);
    /** @type {Map<number, HTMLElement>} */
    this.cells = new Map();
    /** @type {HTMLElement[]} */
    this.spare = [];
    this.list.addEventListener("scroll", () => this.scrolled());
    this.list.addEventListener("click", (event) => this.clicked(event));
    this.list.addEventListener("dblclick", (event) => this.clicked(event) && this.open());
    this.width = 0;
    this.height = 0;
    new ResizeObserver(() => this.list.isConnected && this.measure()).observe(this.list);
  }

  /** @param {() => void} open shows the current group alone */
  onOpen(open) {
    this.open = open;
  }

  open() {}

  enter() {
    this.stage.classList.add("overview");
    this.stage.classList.remove("comparing");
    this.stage.replaceChildren(this.list);
    this.measure();
    this.reveal();
    this.list.focus({ preventScroll: true });
  }

  /** Sizes are read here only: reading them between changes would lay out the page again and again. */
  measure() {
    this.width = this.list.clientWidth;
    this.height = this.list.clientHeight;
    this.draw();
  }

  get columns() {
    return Math.max(1, Math.floor(this.width / WIDTH));
  }

  /** The height of all rows, and of the element that stands for them. */
  get heights() {
    const real = Math.ceil(this.deck.total / this.columns) * ROW;
    return [real, Math.min(real, HIGHEST)];
  }

  /** Pixels of the real list above the upper edge. @param {number} scrolled */
  top(scrolled) {
    const [real = 0, shown = 0] = this.heights;
    if (real === shown) return scrolled;
    return (scrolled / Math.max(1, shown - this.height)) * (real - this.height);
  }

  /** @param {number} top */
  scrollTo(top) {
    const [real = 0, shown = 0] = this.heights;
    this.sizer.style.height = `${shown}px`;
    this.list.scrollTop = real === shown ? top : (top / Math.max(1, real - this.height)) * (shown - this.height);
  }

  scrolled() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  /** Place the cells in sight, and ask for their pages. */
  draw() {
    if (!this.list.isConnected) return;
    const scrolled = this.list.scrollTop;
    const [columns, top] = [this.columns, this.top(scrolled)];
    this.sizer.style.height = `${this.heights[1]}px`;
    const first = Math.max(0, Math.floor(top / ROW)) * columns;
    const last = Math.min(this.deck.total, (Math.ceil((top + this.height) / ROW) + 1) * columns);
    for (const [at, cell] of this.cells) {
      if (at < first || at >= last) {
        cell.hidden = true;
        this.cells.delete(at);
        this.spare.push(cell);
      }
    }
    for (let at = first; at < last; at++) this.cell(at, columns, scrolled - top);
    const pages = [];
    for (let page = Math.floor(first / PAGE); page * PAGE < last; page++) pages.push(page);
    this.deck.want(pages);
  }

  /** @param {number} at @param {number} columns @param {number} shift */
  cell(at, columns, shift) {
    let cell = this.cells.get(at);
    if (!cell) {
      cell = this.spare.pop() ?? this.list.appendChild(blank());
      cell.hidden = false;
      cell.dataset.shown = "";
      this.cells.set(at, cell);
    }
    const width = this.width / columns;
    cell.style.transform = `translate(${(at % columns) * width}px, ${Math.floor(at / columns) * ROW + shift}px)`;
    cell.style.width = `${width - 8}px`;
    const page = Math.floor(at / PAGE);
    this.fill(cell, at, this.deck.pages.get(page)?.[at - page * PAGE]);
  }

  /** @param {HTMLElement} cell @param {number} at @param {Card | undefined} card */
  fill(cell, at, card) {
    const name = card ? `${at} ${card.number} ${card.version} ${card.kind}` : `${at}`;
    const current = at === this.deck.at;
    cell.classList.toggle("current", current);
    cell.setAttribute("aria-selected", String(current));
    if (current) this.list.setAttribute("aria-activedescendant", cell.id);
    if (cell.dataset.shown === name) return;
    cell.dataset.shown = name;
    cell.dataset.at = String(at);
    cell.setAttribute("aria-posinset", String(at + 1));
    cell.setAttribute("aria-setsize", String(this.deck.total));
    cell.classList.toggle("decided", Boolean(card && !["open", "near"].includes(card.kind)));
    const [strip, line] = cell.children;
    if (!(strip instanceof HTMLElement) || !(line instanceof HTMLElement)) return;
    line.textContent = card ? words(card) : "";
    for (let place = 0; place < THUMBNAILS; place++) picture(strip.children[place], card?.images[place]);
  }

  /** Bring the current group into sight. */
  reveal() {
    const place = Math.floor(this.deck.at / this.columns) * ROW;
    const top = this.top(this.list.scrollTop);
    if (place < top || place + ROW > top + this.height) this.scrollTo(Math.max(0, place - this.height / 2 + ROW / 2));
    this.draw();
    const card = this.deck.current;
    if (card) say(`Group ${this.deck.at + 1}: ${words(card)}`);
  }

  /** @param {Event} event */
  clicked(event) {
    const cell = event.target instanceof Element ? event.target.closest("[data-at]") : null;
    if (!(cell instanceof HTMLElement)) return false;
    this.deck.go(Number(cell.dataset.at));
    return true;
  }
}

let made = 0;

function blank() {
  const pictures = Array.from({ length: THUMBNAILS }, () => h("img", { alt: "", decoding: "async", hidden: true }));
  const cell = h("div", { className: "cell", role: "option", id: `cell-${made++}` });
  cell.append(h("div", { className: "strip" }, ...pictures), h("p", {}));
  return cell;
}

/** @param {Element | undefined} element @param {import("./types.js").Picture | undefined} image */
function picture(element, image) {
  if (!(element instanceof HTMLImageElement)) return;
  element.hidden = !image;
  if (!image) return element.removeAttribute("src"); // no longer waited for: few can be under way at a time
  element.className = image.stays ? "stays" : "goes";
  const address = thumbnail(image);
  if (element.getAttribute("src") !== address) element.src = address;
}

/** @param {Card} card */
function words(card) {
  const least = Math.min(...card.images.map((image) => image.similarity));
  const likeness = card.tier === "bytes" ? "same file" : card.tier === "picture" ? "same picture" : (Math.floor(least * 1000) / 1000).toFixed(3);
  const more = card.count > THUMBNAILS ? `, ${plural(card.count, "image")}` : "";
  const state = card.kind === "near" ? "below the threshold" : card.kind === "settled" ? "settled" : decided(card);
  return `${card.images[0]?.name ?? ""} · ${likeness}${more}${state && ` · ${state}`}`;
}
