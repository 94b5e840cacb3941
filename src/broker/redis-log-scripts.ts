/** The scripts of a log in Redis. Each is atomic: what it does is done whole, or not at all. */

import forgetLua from "./lua/forget.lua" with { type: "text" };
import headOf from "./lua/head-of.lua" with { type: "text" };
import headsLua from "./lua/heads.lua" with { type: "text" };
import pageLua from "./lua/page.lua" with { type: "text" };
import publishLua from "./lua/publish.lua" with { type: "text" };
import trimLua from "./lua/trim.lua" with { type: "text" };
import trimRoom from "./lua/trim-room.lua" with { type: "text" };
import type { RedisScript } from "./redis-script.ts";

/** Stores messages. Refused as a whole where Redis may not take more memory. */
export const publishScript = script("publish", "#!lua", trimRoom, publishLua);
/** Trims rooms, also where Redis may not take more memory: it makes room. */
export const trimScript = script("trim", "#!lua flags=allow-oom", trimRoom, trimLua);
/** Forgets a room's messages. */
export const forgetScript = script("forget", "#!lua flags=allow-oom", forgetLua);
/** Tells what is kept of rooms. */
export const headsScript = script("heads", "#!lua flags=no-writes", headOf, headsLua);
/** Reads a page of a room's messages. */
export const pageScript = script("page", "#!lua flags=no-writes", headOf, pageLua);

function script(name: string, ...parts: readonly string[]): RedisScript {
  return { name, lua: parts.join("\n") };
}
