/** A command for a terminal, ready to copy. */

import { element, setText } from "./element.ts";

/** Makes a command with its button. Its text is read when it is copied: parts of it may change. */
export function createCommandLine(...parts: (Node | string)[]): HTMLElement {
  const code = element("code", {}, ...parts);
  const copy = element("button", { type: "button", className: "quiet" }, "Copy");
  copy.onclick = async () => {
    getSelection()?.selectAllChildren(code);
    // On plain HTTP from another host there is no clipboard: the line is selected, ready for Ctrl-C.
    if (navigator.clipboard === undefined) return;
    await navigator.clipboard.writeText(code.textContent).then(
      () => setText(copy, "Copied"),
      () => setText(copy, "Press Ctrl-C"),
    );
    setTimeout(() => setText(copy, "Copy"), 2_000);
  };
  return element("div", { className: "command" }, code, copy);
}
