/** The colours of the style sheet, as a canvas takes them. */

/** Reads colours by their names. A canvas knows neither `var()` nor `light-dark()`. */
export class Palette {
  readonly #probe = document.createElement("span");
  readonly #known = new Map<string, string>();

  /** `onChange` is called when the reader's scheme changes: everything is to be drawn anew. */
  constructor(onChange: () => void) {
    this.#probe.hidden = true;
    document.body.append(this.#probe);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.#known.clear();
      onChange();
    });
  }

  /** A custom property's colour; with `share` below 1 it lets through what is under it. */
  colour(name: string, share = 1): string {
    const key = `${name} ${share}`;
    let colour = this.#known.get(key);
    if (colour === undefined) {
      this.#probe.style.color = `color-mix(in srgb, var(${name}) ${share * 100}%, transparent)`;
      colour = getComputedStyle(this.#probe).color;
      this.#known.set(key, colour);
    }
    return colour;
  }
}
