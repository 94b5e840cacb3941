/** The dialog about the user's name: changed by who chose it, explained to who has it of a token. */

import { element, find } from "./element.ts";
import { createNameField } from "./name-field.ts";
import type { Session } from "./session.ts";

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

/** Opens the dialog of a user whose name comes from a token. */
export function openTokenDialog(session: Session): void {
  const dialog = find("name-dialog", HTMLDialogElement);
  const { id, name } = session.access.user ?? { id: "", name: "" };
  const forget = element("button", { type: "button", className: "primary" }, "Forget the token");
  const close = element("button", { type: "button", className: "quiet" }, "Close");
  close.onclick = () => dialog.close();
  forget.onclick = () => {
    dialog.close();
    session.signOut();
  };
  const text = "Your name comes from your token. This tab keeps the token until you close it.";
  dialog.replaceChildren(
    element("h2", { id: "name-title" }, id === name ? name : `${name} (${id})`),
    element("p", {}, text),
    element("p", { className: "actions" }, forget, close),
  );
  dialog.showModal();
}
