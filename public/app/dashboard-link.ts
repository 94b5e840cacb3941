/** The way to the dashboard, for whom it opens. */

import type { Access } from "./access.ts";
import { find } from "./element.ts";

const loopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** Shows the link to administrators, and at the server's own machine to people without a token. */
export function renderDashboardLink({ token }: Access): void {
  const isOffered = token === undefined ? loopback.test(location.hostname) : isAdmin(token);
  find("dashboard", HTMLAnchorElement).hidden = !isOffered;
}

/** Reads a token's claims. What they allow the server decides: this only spares people a dead end. */
function isAdmin(token: string): boolean {
  try {
    const payload = token.split(".")[1] ?? "";
    const { rooms } = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    return Array.isArray(rooms["*"]) && rooms["*"].includes("admin");
  } catch {
    return false; // No claims that anybody could read.
  }
}
