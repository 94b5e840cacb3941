/** The sides of the page as sheets, where the window is too narrow for them. */

import { find } from "./element.ts";

type Side = "rooms" | "people";

/** Opens and closes the two sides. Wide windows show them always, and then nothing here matters. */
export class Sheets {
  readonly #talk = find("talk", HTMLElement);
  readonly #scrim = find("scrim", HTMLElement);
  #open: Side | undefined;
  #opener: HTMLElement | undefined;

  constructor() {
    for (const side of ["rooms", "people"] as const) {
      const opener = find(`show-${side}`, HTMLButtonElement);
      opener.setAttribute("aria-expanded", "false");
      opener.onclick = () => this.open(side, opener);
    }
    for (const button of document.querySelectorAll<HTMLElement>("[data-close]")) {
      button.onclick = () => this.close();
    }
    this.#scrim.onclick = () => this.close();
    addEventListener("resize", () => {
      if (this.#opener?.getClientRects().length === 0) this.close();
    });
  }

  /** Opens a side. What lies under it takes no keys and no clicks until it is closed. */
  open(side: Side, opener: HTMLElement): void {
    this.close();
    this.#open = side;
    this.#opener = opener;
    this.#show(true);
    find(side, HTMLElement).querySelector<HTMLElement>("[data-close]")?.focus();
  }

  /** Closes what is open. Returns true if something was. */
  close(): boolean {
    if (this.#open === undefined) return false;
    this.#show(false);
    this.#opener?.focus();
    this.#open = undefined;
    return true;
  }

  #show(isOpen: boolean): void {
    if (this.#open === undefined) return;
    find(this.#open, HTMLElement).classList.toggle("open", isOpen);
    this.#scrim.classList.toggle("open", isOpen);
    this.#talk.inert = isOpen;
    this.#opener?.setAttribute("aria-expanded", String(isOpen));
  }
}
