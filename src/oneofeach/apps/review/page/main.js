// Where the page begins: what each key and button does. One current group, two ways to see it.
import { Deck } from "./deck.js";
import { banner, byId, count, h } from "./dom.js";
import { Overview } from "./overview.js";
import { Panel } from "./panel.js";
import { Stream } from "./stream.js";
import { Threshold } from "./threshold.js";

/** @type {import("./types.js").Boot} */
const boot = JSON.parse(byId("boot", HTMLScriptElement).text);
const deck = new Deck(boot);
const stream = new Stream(deck, boot);
const overview = new Overview(deck);
const panel = new Panel(deck, boot);
const search = byId("search", HTMLInputElement);
new Threshold(deck, boot);

function draw() {
  if (deck.mode === "overview") overview.draw();
  else stream.draw();
}

/** @param {string} mode */
function enter(mode) {
  deck.mode = mode;
  press("#modes button", "mode", mode);
  if (mode === "overview") overview.enter();
  else {
    stream.shown = "";
    stream.drawn = undefined;
    stream.draw();
  }
  deck.remember();
}

/** @param {string} filter */
function filtered(filter) {
  press("#filters button", "filter", filter);
  byId("bulk", HTMLElement).hidden = deck.status.read_only || ["all", "decided"].includes(filter);
}

/** @param {string} buttons @param {string} name @param {string} value */
function press(buttons, name, value) {
  for (const button of document.querySelectorAll(buttons)) {
    button.setAttribute("aria-pressed", String(button.getAttribute(`data-${name}`) === value));
  }
}

function status() {
  const { counts, can_undo, read_only } = deck.status;
  const bar = byId("progress", HTMLElement);
  const total = counts.decided + counts.open;
  const progress = bar.querySelector("progress");
  const output = bar.querySelector("output");
  if (progress) [progress.max, progress.value] = [total || 1, counts.decided];
  if (output) output.textContent = `${count(counts.decided)} of ${count(total)} decided`;
  byId("undo", HTMLButtonElement).disabled = !can_undo || read_only;
}

/** @typedef {() => void} Act */
/** @type {Record<string, Act>} */
const acts = {
  " ": () => deck.decide("accept"),
  a: () => deck.decide("all"),
  n: () => deck.decide("apart"),
  x: () => stream.selected && deck.mode === "stream" && deck.decide("toggle", stream.selected.row),
  u: () => void deck.undo(),
  j: () => deck.step(1),
  k: () => deck.step(-1),
  ArrowRight: () => deck.step(1),
  ArrowLeft: () => deck.step(-1),
  ArrowDown: () => deck.step(deck.mode === "overview" ? overview.columns : 1),
  ArrowUp: () => deck.step(deck.mode === "overview" ? -overview.columns : -1),
  Home: () => deck.go(0),
  End: () => deck.go(deck.total - 1),
  b: () => compare("blink"),
  o: () => compare("onion"),
  s: () => compare("slide"),
  d: () => compare("difference"),
  z: () => compare("zoom"),
  "/": () => search.focus(),
  "?": () => panel.help(),
  Enter: () => deck.mode === "overview" && enter("stream"),
  Escape: () => void (panel.close() || stream.compare.set("")),
};
for (let digit = 1; digit <= 9; digit++) {
  acts[digit] = () => {
    const image = deck.current?.images[digit - 1];
    if (image) deck.decide("keep", image.row);
    else banner(`There is no image ${digit} in this group.`);
  };
}

/** @param {"blink" | "onion" | "slide" | "difference" | "zoom"} mode */
function compare(mode) {
  if (deck.mode === "overview") enter("stream");
  stream.compare.set(mode);
}

/** Fields take their own keys; a button takes Space and Enter. @param {KeyboardEvent} event */
function taken(event) {
  const at = event.target;
  if (event.ctrlKey || event.metaKey || event.altKey) return true;
  if (at instanceof HTMLTextAreaElement || at instanceof HTMLSelectElement) return true;
  if (at instanceof HTMLInputElement) return at.type !== "range" || event.key.startsWith("Arrow") || event.key === "Home" || event.key === "End";
  return at instanceof HTMLButtonElement && (event.key === " " || event.key === "Enter");
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target instanceof HTMLElement && taken(event)) event.target.blur();
  else if (!taken(event)) {
    if (event.shiftKey && event.key.startsWith("Arrow") && stream.compare.mode === "zoom") return pan(event);
    const act = acts[event.key] ?? acts[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    if (event.repeat && "axu?bosdz".includes(event.key)) return;
    act();
  }
});

/** @param {KeyboardEvent} event */
function pan(event) {
  event.preventDefault();
  const [x = 0, y = 0] = { ArrowLeft: [-60, 0], ArrowRight: [60, 0], ArrowUp: [0, -60], ArrowDown: [0, 60] }[event.key] ?? [];
  stream.compare.pan(x, y);
}

/** @type {[string, string, string, string][]} */
const BUTTONS = [
  ["Accept", "Space", " ", ""],
  ["Keep all", "A", "a", ""],
  ["Not duplicates", "N", "n", ""],
  ["Previous", "K", "k", ""],
  ["Next", "J", "j", ""],
  ["Blink", "B", "b", "blink"],
  ["Onion skin", "O", "o", "onion"],
  ["Slider", "S", "s", "slide"],
  ["Difference", "D", "d", "difference"],
  ["Zoom", "Z", "z", "zoom"],
];
for (const [text, key, name, mode] of BUTTONS) {
  const writes = ["Accept", "Keep all", "Not duplicates"].includes(text);
  const button = h("button", { type: "button", disabled: writes && boot.read_only }, text, " ", h("kbd", {}, key));
  if (mode) {
    button.dataset.compare = mode;
    button.setAttribute("aria-pressed", "false");
  }
  button.addEventListener("click", () => acts[name]?.());
  byId("actions", HTMLElement).append(button);
}

for (const button of document.querySelectorAll("#modes button")) {
  button.addEventListener("click", () => enter(button.getAttribute("data-mode") ?? "stream"));
}
for (const button of document.querySelectorAll("#filters button")) {
  button.addEventListener("click", () => {
    const filter = button.getAttribute("data-filter") ?? "all";
    filtered(filter);
    void deck.show(filter, deck.query);
  });
}
let typing = 0;
search.value = deck.query;
search.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => void deck.show(deck.filter, search.value), 200);
});
search.addEventListener("keydown", (event) => event.key === "Enter" && byId("stage", HTMLElement).focus());
byId("undo", HTMLElement).addEventListener("click", () => void deck.undo());
window.addEventListener("visibilitychange", () => document.hidden && deck.saveNow());

overview.onOpen(() => enter("stream"));
deck.addEventListener("cards", draw);
deck.addEventListener("move", () => (deck.mode === "overview" ? overview.reveal() : stream.draw()));
deck.addEventListener("status", status);
filtered(deck.filter);
status();
enter(deck.mode);
panel.follow();
if (boot.read_only) banner("Read-only: nothing is stored.", false);
