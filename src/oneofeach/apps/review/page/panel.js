// What opens beside the images, never over them: the keys, the sample of a bulk decision, the plan and its progress.
import { ask, listen, order } from "./api.js";
import { banner, byId, count, h, plural, size, thumbnail } from "./dom.js";

const KEYS = [
  ["1 – 9", "keep only that one, go on"],
  ["Space", "accept what is shown, go on"],
  ["A", "keep all"],
  ["N", "not duplicates, remembered"],
  ["X", "the chosen image stays or goes"],
  ["Tab", "choose an image"],
  ["U", "undo"],
  ["J  K  ← →", "next, previous group"],
  ["B", "blink"],
  ["O", "onion skin"],
  ["S", "slider"],
  ["D", "difference"],
  ["Z", "linked zoom; drag, wheel"],
  ["/", "filter by name"],
  ["Enter", "open a group of the overview"],
  ["Escape", "end a comparison, close this"],
  ["?", "this list"],
];

export class Panel {
  /** @param {import("./deck.js").Deck} deck @param {import("./types.js").Boot} boot */
  constructor(deck, boot) {
    this.deck = deck;
    this.boot = boot;
    this.box = byId("panel", HTMLElement);
    this.open = "";
    byId("open-help", HTMLElement).addEventListener("click", () => this.help());
    byId("open-apply", HTMLElement).addEventListener("click", () => this.apply());
    byId("bulk", HTMLElement).addEventListener("click", () => void this.bulk());
  }

  /** @param {string} name @param {string} title @param {...(Node | string | null | false)} content */
  show(name, title, ...content) {
    const close = h("button", { type: "button", "aria-label": "Close" }, "×");
    close.addEventListener("click", () => this.close());
    this.open = name;
    this.box.setAttribute("aria-label", title);
    this.box.replaceChildren(h("div", { className: "title" }, h("h2", {}, title), close));
    for (const child of content) if (child) this.box.append(child);
    this.box.hidden = false;
    byId("open-help", HTMLElement).setAttribute("aria-expanded", String(name === "help"));
    window.dispatchEvent(new Event("resize"));
  }

  close() {
    const was = this.open;
    this.open = "";
    this.box.hidden = true;
    this.box.replaceChildren();
    byId("open-help", HTMLElement).setAttribute("aria-expanded", "false");
    if (was) byId("stage", HTMLElement).focus({ preventScroll: true });
    return Boolean(was);
  }

  help() {
    if (this.open === "help") return void this.close();
    const rows = KEYS.map(([key = "", does = ""]) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, does)));
    this.show("help", "Keys", h("dl", { id: "help", className: "keys" }, ...rows), this.about());
  }

  about() {
    const { counts } = this.deck.status;
    const sum =
      `${count(counts.seen)} images seen = ${count(counts.kept)} kept + ${count(counts.removed)} would go + ` +
      `${count(counts.skipped)} not readable + ${count(counts.gone)} gone.`;
    const skipped = h("button", { type: "button" }, "Which were not readable?");
    skipped.addEventListener("click", () => void this.skipped());
    return h("div", {}, h("p", {}, sum), counts.skipped ? skipped : "", h("p", { className: "quiet" }, this.boot.title));
  }

  async skipped() {
    const found = await ask("skipped");
    this.show("skipped", "Not readable", lines(found.skipped));
  }

  /** Accept a whole tier, after a look at twelve of its groups. */
  async bulk() {
    const { filter, query } = this.deck;
    const found = await ask("sample", { filter, query });
    if (!found.total) return this.show("bulk", "Accept all", h("p", {}, "No open group in this list."));
    const sample = found.cards.map((/** @type {import("./types.js").Card} */ card) =>
      h("li", {}, ...card.images.slice(0, 4).map((image) => small(image)), card.count > 4 && `+${card.count - 4}`),
    );
    const accept = h("button", { type: "button", className: "main" }, `Accept ${plural(found.total, "suggestion")}`);
    accept.addEventListener("click", async () => {
      accept.disabled = true;
      const answer = await this.deck.change("accept", { ticket: found.ticket });
      if (!answer) return void this.bulk();
      this.close();
      banner(`${plural(answer.accepted, "group")} accepted. One undo takes all of it back.`, false);
    });
    const many = found.cards.length;
    const text = `${plural(found.total, "open group")} in this list. ${plural(many, "of them picked", "of them, picked")} at random:`;
    this.show("bulk", "Accept all", h("p", {}, text), h("ul", { className: "sample" }, ...sample), accept);
    return undefined;
  }

  /** Choose what is to be done, see the plan, do it. */
  apply() {
    if (this.open === "apply") return void this.close();
    const all = h("select", { id: "which" });
    all.append(h("option", { value: "decided" }, "only what was decided"), h("option", { value: "all" }, "suggestions, too"));
    const action = choice("action", this.boot.actions);
    const captions = choice("captions", this.boot.caption_rules);
    const merging = () => void (captions.disabled = action.value.startsWith("export: "));
    action.addEventListener("change", merging);
    merging();
    const make = h("button", { type: "button", className: "main" }, "Show the plan");
    const plan = h("div", { id: "plan" });
    make.addEventListener("click", () => void this.plan(plan, action.value, captions.value, all.value === "decided"));
    const form = h("div", { className: "form" });
    for (const [name, field] of /** @type {[string, HTMLElement][]} */ ([["Which", all], ["What", action], ["Captions", captions]])) {
      form.append(h("label", { for: field.id }, name), field);
    }
    this.show("apply", "Apply", form, make, h("div", { id: "outcome" }), plan);
    this.outcome();
  }

  /** @param {HTMLElement} place @param {string} action @param {string} captions @param {boolean} decided_only */
  async plan(place, action, captions, decided_only) {
    try {
      /** @type {import("./types.js").Plan} */
      const plan = await order("plan", () => ({ action, captions, decided_only }));
      const doing = `${plural(plan.steps, "image")}, ${size(plan.bytes)}: ${plan.action}`;
      const go = h("button", { type: "button", className: "main danger" }, `Apply ${plural(plan.steps + plan.captions, "step")}`);
      go.disabled = !(plan.steps + plan.captions) || this.deck.status.read_only;
      go.addEventListener("click", () => void this.run("apply", { id: plan.id }, go));
      const rows = plan.lines.map((line) =>
        h("li", {}, h("strong", {}, line.action), ` ${line.source}`, line.keeper !== undefined && h("span", {}, ` for ${line.keeper}`), h("small", {}, line.reason)),
      );
      const more = plan.steps + plan.captions - rows.length;
      place.replaceChildren(
        h("p", {}, `${doing}. ${plan.captions ? `${plural(plan.captions, "caption")} written. ` : ""}In ${plan.roots.join(", ") || "no folder"}.`),
        go,
        h("ul", { className: "steps" }, ...rows),
        rows.length && more > 0 ? h("p", {}, `and ${count(more)} more`) : "",
        plan.left_count ? h("p", {}, `Left where they are: ${count(plan.left_count)}`) : "",
        lines([...plan.left, ...plan.notes.map((note) => /** @type {[string, string]} */ (["", note]))]),
      );
    } catch (error) {
      banner(error instanceof Error ? error.message : String(error));
    }
  }

  /** @param {string} name @param {object} fields @param {HTMLButtonElement} button */
  async run(name, fields, button) {
    button.disabled = true;
    try {
      await order(name, () => fields);
    } catch (error) {
      banner(error instanceof Error ? error.message : String(error));
      button.disabled = false;
    }
  }

  /** @param {{stage: string, done: number, total: number}} event */
  progress(event) {
    const place = document.getElementById("outcome");
    const words = `${event.stage === "undo" ? "Taking back" : "Applying"}: ${count(event.done)} of ${count(event.total)}`;
    const bar = h("progress", { max: event.total || 1, value: event.done, "aria-label": words });
    document.getElementById("plan")?.replaceChildren();
    place?.replaceChildren(h("p", {}, words), bar);
  }

  /** What came of the last plan. */
  outcome() {
    const { applied } = this.deck.status;
    const place = document.getElementById("outcome");
    if (!place) return;
    document.getElementById("plan")?.replaceChildren();
    place.replaceChildren();
    if (applied.written) place.append(h("p", { role: "status" }, `${count(applied.images ?? 0)} images written to ${applied.written}`));
    if (!applied.counts) return;
    const { done = 0, refused = 0, failed = 0 } = applied.counts;
    const back = h("button", { type: "button", id: "take-back" }, "Undo all of it");
    back.disabled = Boolean(applied.restored);
    back.addEventListener("click", () => void this.run("take-back", {}, back));
    const restored = applied.restored ? ` ${plural(applied.restored, "step")} taken back.` : "";
    place.append(
      h("p", { role: "status" }, `${count(done)} done, ${count(refused)} refused, ${count(failed)} failed.${restored}`),
      lines(applied.problems ?? []),
      back,
      h("p", { className: "quiet" }, `Journal: ${applied.journal ?? ""}`),
    );
  }

  /** Follow the server: progress, and what other pages have done. */
  follow() {
    listen((event) => {
      if (event.type === "progress") this.progress(event);
      else if (event.type === "applied") void this.applied(event.problem);
      else void this.deck.refresh(); // it changed; or it may have, before the connection was there
    });
  }

  /** @param {string} problem */
  async applied(problem) {
    await this.deck.refresh();
    this.outcome();
    if (problem) banner(problem);
  }
}

/** @param {string} id @param {string[]} values */
function choice(id, values) {
  const select = h("select", { id });
  for (const value of values) select.append(h("option", { value }, value));
  return select;
}

/** @param {import("./types.js").Picture} image */
function small(image) {
  return h("img", { src: thumbnail(image), alt: image.name, className: image.stays ? "stays" : "goes", loading: "lazy" });
}

/** @param {[string, string][]} pairs */
function lines(pairs) {
  return h("ul", { className: "steps" }, ...pairs.map(([key, reason]) => h("li", {}, key, h("small", {}, reason))));
}
