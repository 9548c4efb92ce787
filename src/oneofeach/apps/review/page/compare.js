// Two pictures in one frame: blink, onion skin, slider, difference, and linked zoom. Sizes need not be equal: the other
// picture is laid over the one that stays as it was measured to match, turned and shifted if need be.
import { h, thumbnail, whole } from "./dom.js";

/** @typedef {import("./types.js").Picture} Picture */

const BLINK = 550; // ms
const CALM = matchMedia("(prefers-reduced-motion: reduce)");
const NAMES = { blink: "Blink", onion: "Onion skin", slide: "Slider", difference: "Difference", zoom: "Linked zoom" };
/** @type {Record<string, string>} */
const BEGIN = { difference: "20" };
const RANGES = new Map([
  ["onion", "How much of the other"],
  ["slide", "Where the other begins"],
  ["difference", "Strength"],
]);
/** What an EXIF orientation does to (x, y) in -1..1: rows of a 2 × 2 matrix. @type {Record<number, number[]>} */
const TURNS = {
  1: [1, 0, 0, 1],
  2: [-1, 0, 0, 1],
  3: [-1, 0, 0, -1],
  4: [1, 0, 0, -1],
  5: [0, 1, 1, 0],
  6: [0, -1, 1, 0],
  7: [0, -1, -1, 0],
  8: [0, 1, -1, 0],
};

export class Compare {
  constructor() {
    /** @type {keyof typeof NAMES | ""} */
    this.mode = "";
    /** @type {Picture | undefined} */
    this.keeper = undefined;
    /** @type {Picture | undefined} */
    this.other = undefined;
    /** @type {HTMLElement | undefined} */
    this.stage = undefined;
    this.zoom = 1;
    this.center = [0.5, 0.5];
    new ResizeObserver(() => this.layOut()).observe(document.body);
  }

  /** The same key again ends it; with reduced motion B flips by hand. @param {keyof typeof NAMES | ""} mode */
  set(mode) {
    if (mode === "blink" && this.mode === "blink" && CALM.matches && this.over) {
      this.over.hidden = !this.over.hidden;
      return;
    }
    this.mode = this.mode === mode ? "" : mode;
    this.zoom = 0;
    this.center = [0.5, 0.5];
    this.redraw();
  }

  /**
   * @param {import("./types.js").Card} card
   * @param {number} chosen
   * @param {HTMLElement} stage
   */
  show(card, chosen, stage) {
    const keeper = card.images.find((image) => image.stays) ?? card.images[0];
    const other = card.images[chosen] === keeper ? card.images.find((image) => image !== keeper) : card.images[chosen];
    const same = this.keeper === keeper && this.other === other && this.box?.isConnected;
    Object.assign(this, { keeper, other, stage });
    if (!same) this.redraw();
  }

  redraw() {
    clearInterval(this.timer);
    this.box?.remove();
    this.box = this.over = undefined;
    this.stage?.classList.toggle("comparing", Boolean(this.mode && this.other));
    for (const button of document.querySelectorAll("[data-compare]")) {
      button.setAttribute("aria-pressed", String(button.getAttribute("data-compare") === this.mode));
    }
    if (!this.mode || !this.keeper || !this.other || !this.stage) return;
    this.box = this.mode === "zoom" ? this.linked(this.keeper, this.other) : this.laid(this.keeper, this.other);
    this.stage.querySelector(".about")?.after(this.box);
    this.layOut();
    if (this.mode === "blink" && !CALM.matches) {
      this.timer = setInterval(() => this.over && (this.over.hidden = !this.over.hidden), BLINK);
    }
  }

  /** One frame, the other picture over the keeper. @param {Picture} keeper @param {Picture} other */
  laid(keeper, other) {
    this.over = h("div", { className: "over" }, sharp(other, "b"));
    const frame = h("div", { className: "frame" }, sharp(keeper, "a"), this.over);
    const view = h("div", { className: "view" }, frame);
    const label = RANGES.get(this.mode);
    const range = label && h("input", { type: "range", min: "0", max: "100", value: BEGIN[this.mode] ?? "50", "aria-label": label });
    if (range) {
      const apply = () => frame.style.setProperty("--at", String(Number(range.value) / 100));
      range.addEventListener("input", apply);
      apply();
      if (this.mode === "slide") view.addEventListener("pointerdown", (event) => slide(event, view, frame, range));
    }
    return this.around(view, range || null, keeper, other);
  }

  /** Two frames that move as one. @param {Picture} keeper @param {Picture} other */
  linked(keeper, other) {
    const panes = [sharp(keeper, "a"), sharp(other, "b")].map((picture) =>
      h("div", { className: "pane" }, h("div", { className: "frame" }, picture)),
    );
    const view = h("div", { className: "view panes", tabIndex: 0, "aria-label": "Drag to move, wheel to zoom" }, ...panes);
    view.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    view.addEventListener("pointerdown", (event) => follow(event, view, (at) => this.pan(-at.movementX, -at.movementY)));
    const range = h("input", { type: "range", min: "-3", max: "4", step: "0.05", value: "0", "aria-label": "Zoom" });
    range.addEventListener("input", () => {
      this.zoom = 2 ** Number(range.value);
      this.layOut();
    });
    return this.around(view, range, keeper, other);
  }

  /** @param {HTMLElement} view @param {HTMLElement | null} range @param {Picture} keeper @param {Picture} other */
  around(view, range, keeper, other) {
    const name = this.mode && NAMES[this.mode];
    const hint = this.mode === "blink" && CALM.matches ? " — press B to flip, Escape to end" : "";
    const words = h("p", {}, h("strong", {}, `${name}${hint}`), ` ${named(keeper, other)} and ${named(other, keeper)}${other.evidence && `: ${other.evidence}`}`);
    const line = h("div", { className: "line" }, words, range);
    return h("section", { className: `compare ${this.mode}`, "aria-label": `Comparison: ${name}` }, view, line);
  }

  /** Fit the frames to the room there is, and lay the other picture over the keeper. */
  layOut() {
    const { box, keeper, other } = this;
    const view = box?.querySelector(".view");
    if (!view || !keeper || !other || !this.mode) return;
    const panes = [...view.querySelectorAll(".pane")];
    const room = (panes[0] ?? view).getBoundingClientRect();
    const fit = Math.min(room.width / keeper.width, room.height / keeper.height);
    if (!this.zoom) this.zoom = Math.max(1, (other.width * other.height) / (keeper.width * keeper.height) > 1 ? other.width / keeper.width : 1);
    const scale = panes.length ? this.zoom : fit;
    const [width, height] = [keeper.width * scale, keeper.height * scale];
    for (const frame of view.querySelectorAll(".frame")) {
      if (!(frame instanceof HTMLElement)) continue;
      frame.style.width = `${width}px`;
      frame.style.height = `${height}px`;
      if (panes.length) frame.style.transform = this.moved(room, width, height);
    }
    const b = view.querySelector("img.b");
    if (b instanceof HTMLElement) b.style.transform = overlay(other.align, width, height);
  }

  /** @param {DOMRect} room @param {number} width @param {number} height */
  moved(room, width, height) {
    const half = [room.width / 2 / width, room.height / 2 / height];
    this.center = this.center.map((at, axis) => {
      const edge = Math.min(half[axis] ?? 0, 0.5);
      return Math.max(edge, Math.min(1 - edge, at));
    });
    const [x = 0.5, y = 0.5] = this.center;
    return `translate(${room.width / 2 - x * width}px, ${room.height / 2 - y * height}px)`;
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    event.preventDefault();
    this.zoom = Math.max(0.05, Math.min(32, this.zoom * 2 ** (-event.deltaY / 300)));
    this.layOut();
  }

  /** @param {number} dx in pixels of the screen @param {number} dy */
  pan(dx, dy) {
    if (!this.keeper || this.mode !== "zoom") return;
    const [x = 0.5, y = 0.5] = this.center;
    this.center = [x + dx / (this.keeper.width * this.zoom), y + dy / (this.keeper.height * this.zoom)];
    this.layOut();
  }
}

/** The border between two pictures follows the pointer.
 * @param {PointerEvent} event @param {HTMLElement} view @param {HTMLElement} frame @param {HTMLInputElement} range */
function slide(event, view, frame, range) {
  const move = (/** @type {PointerEvent} */ at) => {
    const { left, width } = frame.getBoundingClientRect();
    range.value = String((100 * (at.clientX - left)) / width);
    range.dispatchEvent(new Event("input"));
  };
  follow(event, view, move);
  move(event);
}

/** Hear of every move until the pointer is let go.
 * @param {PointerEvent} event @param {HTMLElement} view @param {(at: PointerEvent) => void} move */
function follow(event, view, move) {
  view.setPointerCapture(event.pointerId);
  view.addEventListener("pointermove", move);
  for (const end of ["pointerup", "pointercancel"]) {
    view.addEventListener(end, () => view.removeEventListener("pointermove", move), { once: true });
  }
}

/** With the folder, where names are equal. @param {Picture} image @param {Picture} other */
const named = (image, other) => (image.name === other.name && image.folder ? `${image.folder}/${image.name}` : image.name);

/** The whole picture; its thumbnail until it is there. @param {Picture} image @param {string} name */
function sharp(image, name) {
  const picture = h("img", { className: name, alt: image.name, src: thumbnail(image), draggable: false });
  const large = new Image();
  large.src = whole(image);
  large.decode().then(
    () => (picture.src = large.src),
    () => {}, // the thumbnail stays
  );
  return picture;
}

/**
 * The CSS transform that lays a picture, stretched over a frame, where it matches the keeper.
 * @param {import("./types.js").Align | null} align
 * @param {number} width of the frame
 * @param {number} height
 */
export function overlay(align, width, height) {
  if (!align) return "none";
  const turn = TURNS[align.orientation] ?? [1, 0, 0, 1];
  const turned = new DOMMatrix([turn[0] ?? 1, turn[2] ?? 0, turn[1] ?? 0, turn[3] ?? 1, 0, 0]);
  const [a = 1, b = 0, c = 0, d = 0, e = 1, f = 0] = align.affine; // x of i → x of j, j turned upright
  const mapped = new DOMMatrix([a, d, b, e, c, f]);
  const whole = align.keeper_first ? mapped.inverse().multiply(turned) : turned.inverse().multiply(mapped);
  const ratio = width / height;
  const cells = [whole.a, whole.b / ratio, whole.c * ratio, whole.d, (whole.e * width) / 2, (whole.f * height) / 2];
  return `matrix(${cells.map((cell) => cell.toFixed(6)).join(", ")})`;
}
