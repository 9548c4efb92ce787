// The threshold and the keep rules: every move regroups at once, on the server, from the stored pairs.
import { Refusal, order } from "./api.js";
import { banner, byId, count, h, plural, size } from "./dom.js";

export class Threshold {
  /** @param {import("./deck.js").Deck} deck @param {import("./types.js").Boot} boot */
  constructor(deck, boot) {
    this.deck = deck;
    this.range = byId("threshold", HTMLInputElement);
    this.value = byId("threshold-value", HTMLElement);
    this.keep = byId("keep", HTMLInputElement);
    this.first = byId("first-rule", HTMLSelectElement);
    this.range.min = String(boot.floor);
    this.range.max = "1";
    /** @type {{threshold?: number, keep?: string} | undefined} */
    this.wanted = undefined;
    this.busy = false;
    draw(boot.histogram);
    for (const rule of boot.rules) if (!rule.includes("=")) this.first.append(h("option", { value: rule }, rule));
    this.range.addEventListener("input", () => this.cut({ threshold: Number(this.range.value) }));
    this.keep.addEventListener("change", () => this.cut({ keep: this.keep.value }));
    this.first.addEventListener("change", () => this.cut({ keep: withFirst(this.keep.value, this.first.value) }));
    deck.addEventListener("status", () => this.draw());
    this.draw();
  }

  /** One cut at a time; of several wishes meanwhile the last counts. @param {{threshold?: number, keep?: string}} wish */
  async cut(wish) {
    this.wanted = { ...this.wanted, ...wish };
    if (wish.threshold !== undefined) this.value.textContent = wish.threshold.toFixed(3);
    if (this.busy) return;
    this.busy = true;
    while (this.wanted) {
      const now = this.wanted;
      this.wanted = undefined;
      try {
        const answer = await order("cut", () => ({ ...this.deck.look(), ...now }));
        this.deck.arrive(answer);
        this.deck.heard(answer.status);
        banner("");
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        banner(`${error.message}. ${error.hint}`);
        this.draw();
      }
    }
    this.busy = false;
    this.draw();
  }

  draw() {
    const { threshold, keep, counts, proposal } = this.deck.status;
    if (!this.busy) {
      this.range.value = String(threshold);
      this.value.textContent = threshold.toFixed(3);
      if (document.activeElement !== this.keep) this.keep.value = keep;
      this.first.value = keep.split(",")[0]?.trim() ?? "";
    }
    const gone = counts.gone ? `, ${count(counts.gone)} gone` : "";
    byId("would-go", HTMLElement).textContent =
      `${plural(counts.removed, "image")} would go (${size(counts.bytes)}), ${count(counts.kept)} stay${gone}`;
    this.propose(proposal);
  }

  /** @param {import("./types.js").Proposal} proposal */
  propose(proposal) {
    const place = byId("proposal", HTMLElement);
    if (proposal.threshold === null) {
      const need = proposal.labels < 30 ? `${proposal.labels}/30 labels` : "label some of the other kind, too";
      place.replaceChildren(proposal.labels ? h("span", { title: "Decide about pairs at the border" }, need) : "");
      return;
    }
    const { threshold } = proposal;
    const use = h("button", { type: "button", "aria-label": `Use the proposed threshold ${threshold.toFixed(3)}` }, `Use ${threshold.toFixed(3)}`);
    use.disabled = Math.abs(threshold - this.deck.status.threshold) < 0.0005;
    use.addEventListener("click", () => void this.cut({ threshold }));
    const words = `${proposal.labels} labels: about ${errors(proposal.false)} wrong, ${errors(proposal.missed)} missed`;
    place.replaceChildren(use, " ", h("span", { title: `${words} of ${count(proposal.pairs)} pairs at ${threshold.toFixed(3)}` }, words));
  }
}

/** @param {number} value */
const errors = (value) => (value < 10 ? value.toFixed(1) : count(Math.round(value)));

/** @param {string} keep @param {string} first */
const withFirst = (keep, first) =>
  [first, ...keep.split(",").map((rule) => rule.trim()).filter((rule) => rule && rule !== first)].join(",");

/** How many pairs there are at each similarity; the root keeps small numbers visible. @param {number[]} counts */
function draw(counts) {
  const box = byId("histogram", HTMLElement);
  const most = Math.max(1, ...counts);
  for (const value of counts) {
    const bar = h("i", {});
    bar.style.height = `${100 * Math.sqrt(value / most)}%`;
    box.append(bar);
  }
}
