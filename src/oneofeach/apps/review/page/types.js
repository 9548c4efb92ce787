// What the server and the page hand to each other, for `tsc --checkJs`; nothing here runs.

/**
 * @typedef {{orientation: number, affine: number[], keeper_first: boolean}} Align
 *
 * @typedef {object} Picture
 * @property {number} row names the image to the server
 * @property {string} tag changes with the content
 * @property {string} name
 * @property {string} folder
 * @property {boolean} stays
 * @property {boolean} gone
 * @property {number} width
 * @property {number} height
 * @property {number} bytes
 * @property {string} format
 * @property {number} quality
 * @property {number} sharpness
 * @property {number} date milliseconds since 1970
 * @property {number} frames
 * @property {string} note
 * @property {string} caption
 * @property {number} similarity to the one that stays
 * @property {string} evidence
 * @property {Align | null} align
 *
 * @typedef {{number: number, version: string, waiting: number}} Named what the server calls a card, as last heard, and
 *   how many orders about it wait for their answer
 *
 * @typedef {object} Card
 * @property {Named} [named] only while orders wait
 * @property {number} number
 * @property {string} version
 * @property {string} kind "open", "near", "settled", or what was decided
 * @property {number} count
 * @property {string} tier
 * @property {string} reason
 * @property {Picture[]} images
 *
 * @typedef {{revision: number, total: number, start: number, cards: Card[]}} Page
 * @typedef {{at: number, page: Page}} Place
 *
 * @typedef {{seen: number, kept: number, removed: number, skipped: number, gone: number, open: number,
 *   decided: number, bytes: number}} Counts
 * @typedef {{labels: number, wrong: number, threshold: number | null, false: number, missed: number,
 *   pairs: number}} Proposal
 * @typedef {{journal: string, action: string, planned: number, counts: Record<string, number>, restored: number,
 *   problem: string, problems: [string, string][], written: string, images: number}} Applied
 * @typedef {{revision: number, threshold: number, keep: string, read_only: boolean, counts: Counts,
 *   can_undo: boolean, proposal: Proposal, applied: Partial<Applied>}} Status
 * @typedef {{title: string, version: string, rules: string[], actions: string[], caption_rules: string[],
 *   histogram: number[], floor: number, mode: string, filter: string, query: string} & Place
 *   & Status} Boot
 * @typedef {{action: string, source: string, keeper?: string, similarity?: number, reason: string,
 *   sidecars?: number}} Line
 * @typedef {{id: string, action: string, steps: number, captions: number, bytes: number, roots: string[],
 *   lines: Line[], left: [string, string][], left_count: number, notes: string[]}} Plan
 */

export {};
