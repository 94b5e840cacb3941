/** The scripts by which nodes tell each other who is where. Each is atomic. */

import count from "./lua/presence-count.lua" with { type: "text" };
import crowds from "./lua/presence-crowds.lua" with { type: "text" };
import evict from "./lua/presence-evict.lua" with { type: "text" };
import lease from "./lua/presence-lease.lua" with { type: "text" };
import tell from "./lua/presence-tell.lua" with { type: "text" };
import type { RedisScript } from "./redis-script.ts";

/** Writes down what a node has to tell of rooms. */
export const tellScript: RedisScript = { name: "presence-tell", lua: tell };
/** Renews a node's lease, and tells those of all nodes. */
export const leaseScript: RedisScript = { name: "presence-lease", lua: lease };
/** Takes a node out of rooms. */
export const evictScript: RedisScript = { name: "presence-evict", lua: evict };
/** Tells who is in rooms, node by node. */
export const crowdsScript: RedisScript = { name: "presence-crowds", lua: crowds };
/** Counts who is in rooms. */
export const countScript: RedisScript = { name: "presence-count", lua: count };
