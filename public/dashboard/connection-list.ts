/** The server's connections, asked for page by page. */

import type { ConnectionPage, ListedConnection } from "../../src/protocol/server-report.ts";
import { fetchAs } from "../app/token.ts";
import { type Refusal, readRefusal } from "./refusal.ts";

const pageConnections = 500;
const pagesMax = 10;

/** What was listed. `isWhole` is false where there are more than the page wants to hold. */
export interface Listing {
  readonly connections: readonly ListedConnection[];
  readonly isWhole: boolean;
}

/** Lists the oldest connections, up to 5,000. A refusal is returned, and not thrown. */
export async function listConnections(token: string | undefined): Promise<Listing | Refusal> {
  const connections: ListedConnection[] = [];
  let after: number | null = null;
  for (let page = 0; page < pagesMax; page += 1) {
    const place: string = after === null ? "" : `&after=${after}`;
    const url = `admin/connections?limit=${pageConnections}${place}`;
    try {
      const response = await fetchAs(token, url, "application/json");
      if (!response.ok) return await readRefusal(response);
      const { connections: more, next }: ConnectionPage = await response.json();
      connections.push(...more);
      after = next;
    } catch {
      return { reason: "The server does not answer." };
    }
    if (after === null) return { connections, isWhole: true };
  }
  return { connections, isWhole: false };
}

/** Ends a connection. Returns why not, or undefined once the server has done so. */
export async function disconnect(
  token: string | undefined,
  connection: string,
): Promise<Refusal | undefined> {
  try {
    const headers = { "content-type": "application/json" };
    const init = { method: "POST", headers, body: JSON.stringify({ connection }) };
    const response = await fetchAs(token, "auth/disconnect", "application/json", init);
    return response.ok ? undefined : await readRefusal(response);
  } catch {
    return { reason: "The server does not answer." };
  }
}
