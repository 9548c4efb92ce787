// The review panel: one row of KEEP/drop cards per group of duplicates. A click writes `decisions`; the next run obeys.
// In: what a run found (the node's `ui` value). Out: a JSON object, key -> keep, only where it differs from the
// automatic choice. Knows nothing of ComfyUI; all text goes in as text, never as HTML.

const STYLE = `
.oneofeach { box-sizing: border-box; width: 100%; height: 100%; max-height: 420px; overflow: auto; padding: 6px;
    font: 12px/1.4 system-ui, sans-serif; color: var(--input-text, #ddd); background: var(--comfy-input-bg, #222);
    border-radius: 6px; overscroll-behavior: contain; }
.oneofeach header { display: flex; gap: 8px; align-items: center; position: sticky; top: -6px; z-index: 1;
    margin: -6px -6px 0; padding: 6px; background: inherit; }
.oneofeach header p { flex: 1; margin: 0; }
.oneofeach header button { font: inherit; color: inherit; background: var(--comfy-menu-bg, #353535);
    border: 1px solid var(--border-color, #4e4e4e); border-radius: 4px; padding: 2px 8px; cursor: pointer; }
.oneofeach header button:disabled { opacity: .4; cursor: default; }
.oneofeach .error { white-space: pre-line; border-left: 3px solid #d64545; padding: 4px 8px; margin: 4px 0; }
.oneofeach .group { display: flex; flex-wrap: wrap; gap: 6px; padding: 6px 0; border-top: 1px solid #8884; }
.oneofeach .card { font: inherit; color: inherit; width: 104px; padding: 3px; text-align: left; cursor: pointer;
    background: transparent; border: 2px solid #d64545; border-radius: 5px; }
.oneofeach .card[aria-pressed="true"] { border-color: #1f9d55; }
.oneofeach .card img { display: block; width: 100%; height: 72px; object-fit: contain; background: #0004; }
.oneofeach .card[aria-pressed="false"] img { opacity: .4; }
.oneofeach .card b { color: #ff8585; }
.oneofeach .card[aria-pressed="true"] b { color: #55d98d; }
.oneofeach .card span { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.oneofeach .card .changed { display: inline; color: #ffc857; }
.oneofeach :focus-visible { outline: 2px solid #6aa9ff; outline-offset: 1px; }
.oneofeach .report { white-space: pre-wrap; overflow-wrap: anywhere; margin: 4px 0 0; font: inherit; }
`;

function create(tag, className = "", text = "") {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text) element.textContent = text;
    return element;
}

// Cut, not rounded: what is shown as 1.00 is 1.0.
function twoDecimals(similarity) {
    return (Math.floor(similarity * 100 + 1e-9) / 100).toFixed(2);
}

export class Panel {
    constructor({ words, thumbnail, read, write, resized }) {
        Object.assign(this, { words, thumbnail, read, write, resized });
        this.found = null;
        this.message = "";
        this.element = create("div", "oneofeach");
        this.element.tabIndex = -1;
        this.element.dataset.captureWheel = "true"; // Nodes 2.0 leaves the wheel to what holds the focus and says so
        this.element.addEventListener("wheel", (event) => this.#scroll(event), { passive: true });
        this.refresh();
    }

    get width() {
        return 460;
    }

    // What the node reserves for the panel: a line before the first run, then up to a screenful with its own scroll bar.
    get height() {
        const rows = Math.min(this.found?.groups.length ?? 0, 3);
        return rows ? 60 + rows * 130 : 64;
    }

    show(found) {
        if (!found || found.version !== 1) return;
        this.found = found;
        this.message = "";
        this.refresh();
        this.resized();
    }

    fail(message) {
        this.message = message.trim();
        this.refresh();
    }

    get decisions() {
        try {
            const read = JSON.parse(this.read() || "{}");
            return read && typeof read === "object" && !Array.isArray(read) ? read : {};
        } catch {
            return {};
        }
    }

    refresh() {
        const place = this.element.scrollTop;
        const style = create("style", "", STYLE);
        this.element.replaceChildren(style, this.#header());
        if (this.message) this.element.append(create("div", "error", this.message));
        if (this.found) {
            this.found.groups.forEach((cards, number) => this.element.append(this.#group(cards, number)));
            this.element.append(this.#report());
        }
        this.element.scrollTop = place;
    }

    #header() {
        const header = create("header");
        const status = create("p", "", this.#status());
        status.setAttribute("role", "status");
        const reset = create("button", "", this.words.reset);
        reset.type = "button";
        reset.title = this.words.resetHint;
        reset.disabled = (this.read() || "{}").trim() === "{}";
        reset.addEventListener("click", () => {
            this.#decide({});
            this.element.focus({ preventScroll: true });
        });
        header.append(status, reset);
        return header;
    }

    #status() {
        if (!this.found) return this.words.empty;
        const pending = this.#pending();
        if (pending) return this.words.pending.replace("{n}", pending);
        return this.found.report.split("\n", 1)[0];
    }

    // Choices on the screen that the run shown here has not obeyed yet.
    #pending() {
        const decisions = this.decisions;
        return this.found.groups.flat().filter((card) => (decisions[card.key] ?? card.auto) !== card.kept).length;
    }

    #group(cards, number) {
        const row = create("div", "group");
        row.setAttribute("role", "group");
        row.setAttribute("aria-label", this.words.group.replace("{n}", number + 1));
        for (const card of cards) row.append(this.#card(card));
        const more = this.found.more?.[number];
        if (more) row.append(create("p", "", this.words.more.replace("{n}", more)));
        return row;
    }

    #card(card) {
        const kept = this.decisions[card.key] ?? card.auto;
        const button = create("button", "card");
        button.type = "button";
        button.setAttribute("aria-pressed", String(kept));
        button.dataset.key = card.key;
        button.title = [card.name, card.text].filter(Boolean).join("\n");
        const image = create("img");
        image.loading = "lazy";
        image.alt = "";
        image.src = this.thumbnail(card.file);
        const title = create("span", "", `${card.index} ${card.name}`.trim());
        const word = create("span");
        word.append(create("b", "", kept ? this.words.keep : this.words.drop));
        if (kept !== card.auto) word.append(create("i", "changed", ` ${this.words.byHand}`));
        button.append(image, word, title, create("span", "", `${card.w}×${card.h}  ${twoDecimals(card.similarity)}`));
        button.addEventListener("click", () => this.#flip(card, kept));
        return button;
    }

    #report() {
        const details = create("details");
        details.append(create("summary", "", this.words.report), create("pre", "report", this.found.report));
        return details;
    }

    #flip(card, kept) {
        const decisions = this.decisions;
        if (!kept === card.auto) delete decisions[card.key];
        else decisions[card.key] = !kept;
        this.#decide(decisions);
        this.element.querySelector(`[data-key="${CSS.escape(card.key)}"]`)?.focus({ preventScroll: true });
    }

    #decide(decisions) {
        this.write(JSON.stringify(decisions));
        this.message = "";
        this.refresh();
    }

    // The wheel scrolls the panel while there is something to scroll, and zooms the canvas otherwise.
    #scroll(event) {
        if (this.element.scrollHeight > this.element.clientHeight) event.stopPropagation();
    }
}
