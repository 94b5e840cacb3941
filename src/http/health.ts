/** `GET /livez`, `/readyz`, `/metrics`: for machines. */

import { Elysia } from "elysia";
import type { Registry } from "prom-client";

/** Tells why the server should get no new work; null when it should. */
export type Readiness = () => string | null;

export function health(readiness: Readiness, meters: () => Promise<Registry>) {
  return new Elysia({ name: "health" })
    .get("/livez", () => Response.json({ status: "ok" }, { headers }), { detail })
    .get(
      "/readyz",
      () => {
        const reason = readiness();
        if (reason === null) return Response.json({ status: "ok" }, { headers });
        return Response.json({ status: "unavailable", reason }, { status: 503, headers });
      },
      { detail },
    )
    .get(
      "/metrics",
      async () => {
        const registry = await meters();
        const text = await registry.metrics();
        return new Response(text, {
          headers: { ...headers, "content-type": registry.contentType },
        });
      },
      { detail },
    );
}

const headers = { "cache-control": "no-store" };
const detail = { tags: ["machines"] };
