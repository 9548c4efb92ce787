// Small pictures of the groups that come next, so that they are there when the key is pressed. Two at a time: a browser
// has few connections to one server, and decisions must not wait for pictures that nobody looks at yet.

const AT_A_TIME = 2;
/** In place of a picture that is waited for no longer. Without any address Chromium draws the text that stands for it,
 * and keeps the element for as long as the page is open. */
const BLANK = new URL("icon.svg", import.meta.url).href;

export class Ahead {
  constructor() {
    /** @type {string[]} */
    this.wanted = [];
    /** @type {Map<string, HTMLImageElement>} */
    this.loading = new Map();
  }

  /** Load these, and none that were wanted before. @param {string[]} addresses */
  want(addresses) {
    this.wanted = addresses.filter((address) => !this.loading.has(address));
    for (const [address, picture] of this.loading) {
      if (!addresses.includes(address)) this.drop(address, picture);
    }
    this.next();
  }

  next() {
    while (this.loading.size < AT_A_TIME) {
      const address = this.wanted.shift();
      if (!address) return;
      const picture = new Image();
      this.loading.set(address, picture);
      picture.onload = picture.onerror = () => {
        this.loading.delete(address);
        this.next();
      };
      picture.src = address;
    }
  }

  /** @param {string} address @param {HTMLImageElement} picture */
  drop(address, picture) {
    this.loading.delete(address);
    picture.onload = picture.onerror = null;
    picture.src = BLANK;
  }
}

/** Wait no longer for the large pictures of a group that is left. @param {Element} stage */
export function letGo(stage) {
  for (const picture of stage.querySelectorAll("figure.card img")) {
    if (picture instanceof HTMLImageElement && !picture.complete) picture.src = BLANK;
  }
}
