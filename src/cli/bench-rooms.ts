/** The rooms of a bench, which are forgotten at its end where the server allows that. */

import { HttpCalls, toPath } from "../client/http-calls.ts";
import { LineError } from "../client/index.ts";
import type { Target } from "./connection-options.ts";

const forgettingMax = 20;
/** Milliseconds that all of it may take: what is not forgotten then, stays. */
const forgetMsMax = 10_000;

/** Rooms that stay, and why the server kept the first of them. */
export interface KeptRooms {
  readonly rooms: readonly string[];
  readonly reason: string | null;
}

/** Asks the server to forget rooms, for which it wants the action `admin`. Throws nothing. */
export async function forgetRooms(
  { url, options }: Target,
  rooms: readonly string[],
): Promise<KeptRooms> {
  const calls = new HttpCalls(`${url}/`, options);
  const signal = AbortSignal.timeout(forgetMsMax);
  const left = [...rooms];
  const kept: string[] = [];
  let reason: string | null = null;
  const forgetSome = async () => {
    for (let room = left.pop(); room !== undefined; room = left.pop()) {
      try {
        calls.token ??= await options.token();
        await calls.get(toPath(room), { method: "DELETE", signal });
      } catch (error) {
        kept.push(room);
        const { code, message } =
          error instanceof LineError ? error : new LineError("internal", String(error));
        const isForbidden = code === "forbidden" || code === "unauthenticated";
        reason ??= isForbidden ? "To forget them takes a token with admin in them." : message;
        // Whoever may not forget one may forget none: all were made for this run, alike.
        if (isForbidden) kept.push(...left.splice(0));
      }
    }
  };
  await Promise.all(Array.from({ length: forgettingMax }, forgetSome));
  return { rooms: kept.toSorted(), reason };
}
