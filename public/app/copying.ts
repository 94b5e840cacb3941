/** Copying several messages gives "name, time: text", a line for each. */

import { sayingOf } from "./message-row.ts";
import { timeText } from "./words.ts";

/** Makes copying from `list` useful. Within one message, what is selected is copied as it is. */
export function enableCopying(list: HTMLElement): void {
  list.addEventListener("copy", (event) => {
    const selection = getSelection();
    if (selection === null || event.clipboardData === null) return;
    const lines = [...list.children].flatMap((row) => {
      const saying = sayingOf(row);
      const isPart = saying !== undefined && selection.containsNode(row, true);
      return isPart ? [`${saying.name}, ${timeText(saying.at)}: ${saying.text}`] : [];
    });
    if (lines.length < 2) return;
    event.preventDefault();
    event.clipboardData.setData("text/plain", lines.join("\n"));
  });
}
