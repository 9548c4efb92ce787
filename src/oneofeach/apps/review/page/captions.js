// The caption of the one that stays: read, edited, or merged from those that go.
import { ask, order } from "./api.js";
import { banner, h } from "./dom.js";

export class Captions {
  /** @param {import("./deck.js").Deck} deck @param {string[]} rules */
  constructor(deck, rules) {
    this.deck = deck;
    this.rules = rules;
  }

  /**
   * @param {import("./types.js").Card} card
   * @param {import("./types.js").Picture} image
   */
  editor(card, image) {
    if (!card.images.some((one) => one.caption) && !image.folder && !image.name.includes(".")) return null;
    const text = h("textarea", {
      value: image.caption,
      rows: 1,
      readOnly: this.deck.status.read_only,
      placeholder: "No caption",
      "aria-label": `Caption of ${image.name}`,
    });
    text.addEventListener("change", () => void this.save(image, text.value));
    const box = h("div", { className: "caption" }, text);
    const others = card.images.filter((one) => one.caption && one.caption !== image.caption);
    if (others.length && !this.deck.status.read_only) box.append(this.merging(card, image, text));
    return box;
  }

  /** Each rule shows what it would make before it is taken.
   * @param {import("./types.js").Card} card
   * @param {import("./types.js").Picture} image
   * @param {HTMLTextAreaElement} text */
  merging(card, image, text) {
    const preview = h("p", { className: "preview", "aria-live": "polite" });
    const buttons = this.rules.map((rule) => {
      const button = h("button", { type: "button" }, rule);
      const look = async () => {
        const found = await ask("captions", { number: card.number });
        preview.textContent = found.rules[rule];
        return found.rules[rule];
      };
      button.addEventListener("pointerenter", () => void look());
      button.addEventListener("focus", () => void look());
      button.addEventListener("click", async () => {
        text.value = await look();
        await this.save(image, text.value);
      });
      return button;
    });
    return h("div", { className: "merge", role: "group", "aria-label": "Merge captions" }, ...buttons, preview);
  }

  /** @param {import("./types.js").Picture} image @param {string} text */
  async save(image, text) {
    try {
      const answer = await order("caption", () => ({ row: image.row, text }));
      image.caption = text;
      this.deck.heard(answer.status);
    } catch (error) {
      banner(`The caption was not saved: ${error instanceof Error ? error.message : error}`);
    }
  }
}
