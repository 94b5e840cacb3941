/** Taking a Redis into use. */

import adoptLua from "./lua/adopt.lua" with { type: "text" };
import { epochChannel, headsKey } from "./redis-keys.ts";
import type { RedisScript } from "./redis-script.ts";
import type { RedisSession } from "./redis-session.ts";

/** How far a node knows the log; epoch and fence are "" before it knows any. */
export interface RedisTrail {
  readonly epoch: string;
  /** Names a stretch of one Redis' life; see `lua/adopt.lua`. */
  readonly fence: string;
  /** How many messages of that life are known to be stored. */
  readonly seq: number;
  /** The epochs that were in use before, the newest last. */
  readonly over: readonly string[];
}

/** What is asked. */
export interface Adoption {
  readonly prefix: string;
  /** The run id of the Redis that the session leads to. */
  readonly runId: string;
  /** Names a new epoch, should one be needed. */
  readonly candidate: string;
  readonly known: RedisTrail;
}

const adoptScript: RedisScript = { name: "adopt", lua: adoptLua };

/** Epochs that are remembered to be over. */
const overMax = 100;

/** Finds or makes epoch and fence, and looks whether what is known is still there. */
export async function adopt(
  session: RedisSession,
  { prefix, runId, candidate, known }: Adoption,
): Promise<RedisTrail> {
  const args = [runId, candidate, epochChannel(prefix)];
  args.push(known.epoch, known.fence, `${known.seq}`, known.over.join(" "));
  const adopted = await session.evaluate(adoptScript, [headsKey(prefix)], args);
  const [epoch, fence, seq] = adopted as [string, string, string];
  const over = known.epoch === epoch ? known.over : [...known.over, known.epoch].slice(-overMax);
  return { epoch, fence, seq: Number(seq), over };
}
