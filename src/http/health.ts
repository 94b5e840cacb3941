/** `GET /livez`, `/readyz`, `/metrics`: for machines. */

import { Elysia } from "elysia";
import type { Registry } from "prom-client";
import type { Administrators } from "./administrators.ts";

/** Tells why the server should get no new work; null when it should. */
export type Readiness = () => string | null;

/** What the routes work with. */
export interface HealthParts {
  readonly readiness: Readiness;
  readonly meters: () => Promise<Pick<Registry, "metrics" | "contentType">>;
  readonly administrators: Administrators;
  /** True where everybody may read the meters. */
  readonly hasOpenMetrics: boolean;
}

export function health({ readiness, meters, administrators, hasOpenMetrics }: HealthParts) {
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
      async ({ request }) => {
        if (!hasOpenMetrics) await administrators.identifyWatcher(request);
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
