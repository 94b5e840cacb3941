/** Why the server did not do what it was asked. */

/**
 * A refusal in the server's own sentence. `afterMs` is when to ask again, if it said so; `isBarring`
 * tells that only another token would help.
 */
export interface Refusal {
  readonly reason: string;
  readonly afterMs?: number;
  readonly isBarring?: boolean;
}

/** Reads a refusal out of an answer, which holds a problem (RFC 9457) unless a proxy wrote it. */
export async function readRefusal(response: Response): Promise<Refusal> {
  const { status, headers } = response;
  const problem = await response.json().catch(() => ({}));
  const said = typeof problem?.detail === "string" ? problem.detail : undefined;
  const afterSeconds = Number(headers.get("retry-after") ?? Number.NaN);
  return {
    reason: said ?? `The server answered ${status}.`,
    ...(Number.isFinite(afterSeconds) ? { afterMs: afterSeconds * 1_000 } : {}),
    isBarring: status === 401 || status === 403,
  };
}
