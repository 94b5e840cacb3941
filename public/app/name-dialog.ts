/** The dialog in which a user changes the name. */

import { element, find } from "./element.ts";
import { createNameField } from "./name-field.ts";

/** Opens the dialog with the name as it is; `take` gets the new one. */
export function openNameDialog(name: string, take: (name: string) => void): void {
  const dialog = find("name-dialog", HTMLDialogElement);
  const field = createNameField(name);
  const save = element("button", { type: "submit", className: "primary" }, "Save");
  const cancel = element("button", { type: "button", className: "quiet" }, "Cancel");
  cancel.onclick = () => dialog.close();
  const form = element("form", { method: "dialog" });
  form.append(
    element("h2", { id: "name-title" }, "Change your name"),
    field.label,
    element("p", { className: "actions" }, save, cancel),
  );
  form.onsubmit = (event) => {
    event.preventDefault();
    const chosen = field.check();
    if (chosen === undefined) return;
    dialog.close();
    take(chosen);
  };
  dialog.replaceChildren(form);
  dialog.showModal();
  field.input.select();
}
