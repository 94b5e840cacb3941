/** Asks once before a connection is ended. */

import type { ListedConnection } from "../../src/protocol/server-report.ts";
import { element, find } from "../app/element.ts";
import { durationText } from "./quantity.ts";

/** Opens the dialog; `confirm` is called when the answer is yes. `now` is the server's time. */
export function openDisconnectDialog(
  connection: ListedConnection,
  now: number,
  confirm: () => void,
): void {
  const dialog = find("disconnect", HTMLDialogElement);
  const { user, transport, address, since } = connection;
  const kind = transport === "websocket" ? "WebSocket connection" : "SSE stream";
  const go = element("button", { type: "button", className: "primary failing" }, "Disconnect");
  const stay = element("button", { type: "button", className: "quiet" }, "Cancel");
  stay.onclick = () => dialog.close();
  go.onclick = () => {
    dialog.close();
    confirm();
  };
  const age = durationText(now - since);
  dialog.replaceChildren(
    element("h2", { id: "disconnect-title" }, `Disconnect ${user.name}?`),
    element("p", {}, `This ends the ${kind} from ${address}, open for ${age}.`),
    element(
      "p",
      { className: "hint" },
      // Nobody can keep somebody out who is nobody in particular.
      user.id.startsWith("~")
        ? "Its client may come back."
        : "Its client may come back, for as long as the token is not revoked.",
    ),
    element("p", { className: "actions" }, go, stay),
  );
  dialog.showModal();
  stay.focus(); // Enter by mistake does nothing.
}
