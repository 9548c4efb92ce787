// Small ways to make elements and to write numbers. No markup is ever parsed: text is only ever text.

/**
 * An element with properties, attributes (names with "-", "role", "for") and children.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, unknown>} [properties]
 * @param {...(Node | string | null | false)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue;
    if (name.includes("-") || name === "role" || name === "for") element.setAttribute(name, String(value));
    else Reflect.set(element, name, value);
  }
  for (const child of children) if (child) element.append(child);
  return element;
}

/**
 * The element of that id, which page.html has.
 * @template {HTMLElement} E
 * @param {string} id
 * @param {new () => E} kind
 * @returns {E}
 */
export function byId(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`No such element: ${id}`);
  return found;
}

/** @param {number} value */
export function count(value) {
  return value.toLocaleString("en");
}

/** 1.4 MB. @param {number} value */
export function size(value) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${unit ? value.toFixed(1) : value} ${units[unit]}`;
}

/** @param {number} number @param {string} one @param {string} [many] */
export function plural(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/** @param {number} milliseconds */
export function date(milliseconds) {
  return milliseconds > 0 ? new Date(milliseconds).toISOString().slice(0, 16).replace("T", " ") : "";
}

/** Where the small picture is. @param {import("./types.js").Picture} image */
export const thumbnail = (image) => `/thumbnail/${image.row}/${image.tag}`;

/** Where the whole picture is. @param {import("./types.js").Picture} image */
export const whole = (image) => `/image/${image.row}/${image.tag}`;

/** Tell a screen reader. @param {string} text */
export function say(text) {
  byId("say", HTMLElement).textContent = text;
}

const LOST = "Connection lost";

/** Say that the server does not answer. @param {string} more */
export const lost = (more) => banner(`${LOST}${more} Is \`oneofeach review\` still running?`);

/** The server answers again. */
export function found() {
  if (byId("banner", HTMLElement).textContent?.startsWith(LOST)) banner("");
}

/** A line above the images; an empty text takes it away. @param {string} text @param {boolean} [bad] */
export function banner(text, bad = true) {
  const line = byId("banner", HTMLElement);
  if (line.textContent === text) return;
  line.textContent = text;
  line.hidden = !text;
  line.classList.toggle("bad", bad);
}
