/** A small line of the last minute. */

const width = 100;
const height = 28;
const svg = "http://www.w3.org/2000/svg";

/** A chart of up to `pointsMax` numbers, the newest at the right. */
export class Sparkline {
  readonly element: SVGSVGElement;
  readonly #line = document.createElementNS(svg, "polyline");
  readonly #area = document.createElementNS(svg, "polygon");
  readonly #pointsMax: number;

  constructor(pointsMax: number) {
    this.#pointsMax = pointsMax;
    this.element = document.createElementNS(svg, "svg");
    this.element.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.element.setAttribute("preserveAspectRatio", "none");
    this.element.setAttribute("class", "spark");
    this.element.setAttribute("aria-hidden", "true");
    this.element.append(this.#area, this.#line);
  }

  /** Draws the values, all of them 0 or more. The scale starts at 0, so that heights compare. */
  draw(values: readonly number[]): void {
    const top = Math.max(...values, 1e-9);
    const step = width / (this.#pointsMax - 1);
    const start = width - (values.length - 1) * step;
    const points = values.map((value, index) => {
      const y = height - 1.5 - (value / top) * (height - 3);
      return `${(start + index * step).toFixed(1)},${y.toFixed(1)}`;
    });
    this.#line.setAttribute("points", points.join(" "));
    const ground = `${start.toFixed(1)},${height} ${points.join(" ")} ${width},${height}`;
    this.#area.setAttribute("points", ground);
  }
}
