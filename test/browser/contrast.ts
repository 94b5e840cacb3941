/** How well a page can be read. */

/**
 * Runs in the page: relative luminance and contrast by WCAG 2.2, of colours as they are drawn. `shown`
 * selects what is measured.
 */
export function measureContrast(shown: string) {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const luminance = (color: string) => {
    if (context === null) return 0;
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
    const [r = 0, g = 0, b = 0] = [...context.getImageData(0, 0, 1, 1).data].map((byte) => {
      const part = byte / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paperOf = (element: Element | null): string => {
    if (element === null) return "white";
    const { backgroundColor } = getComputedStyle(element);
    return backgroundColor === "rgba(0, 0, 0, 0)"
      ? paperOf(element.parentElement)
      : backgroundColor;
  };
  const ratios = [...document.querySelectorAll(shown)].map((element) => {
    const ink = luminance(getComputedStyle(element).color);
    const paper = luminance(paperOf(element));
    const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    return { what: `${element.tagName}.${element.className}#${element.id}`, ratio };
  });
  return { paper: luminance(paperOf(document.querySelector("main"))), ratios };
}
