/** Asks Redis who is in rooms, on the nodes that share it. */

import type { Crowd, Headcount } from "../hub/ports.ts";
import type { RedisLink } from "./redis-link.ts";
import { type NodeCrowd, parseFields } from "./redis-peer-news.ts";
import { countScript, crowdsScript } from "./redis-peer-scripts.ts";

/** Rooms asked for in one piece. */
const roomsMax = 100;
/** Users told of in one piece, but for those of its first room: a few milliseconds of Redis. */
const usersMax = 5_000;

/** Who is in rooms, and on whose word. */
export interface RoomCrowds {
  /** The nodes that have told everything: whom they do not name is not there. */
  readonly settled: ReadonlySet<string>;
  /** Those that are telling everything anew: whom they have not named yet may be there. */
  readonly settling: ReadonlySet<string>;
  /** What each node says: for each room in the order asked for, or for as many as fit in one piece. */
  readonly crowds: readonly ReadonlyMap<string, NodeCrowd>[];
}

/** Asks who is in rooms on all nodes but `leftOut`. @throws unavailable */
export async function askCrowds(
  link: RedisLink,
  rooms: readonly string[],
  leftOut = "",
): Promise<RoomCrowds> {
  const args = [link.prefix, leftOut, `${usersMax}`, ...rooms];
  const answer = await link.evaluate(crowdsScript, [], args);
  const [settled, settling, ...found] = answer as [string[], string[], ...[string, string[]][][]];
  const crowds = found.map(
    (nodes) => new Map(nodes.map(([node, fields]) => [node, parseFields(fields)])),
  );
  return { settled: new Set(settled), settling: new Set(settling), crowds };
}

/** Asks who is in a room on all nodes. @throws unavailable */
export async function askCrowd(link: RedisLink, room: string): Promise<Crowd> {
  const { crowds } = await askCrowds(link, [room]);
  const nodes = [...(crowds[0]?.values() ?? [])];
  const observers = nodes.reduce((sum, node) => sum + node.observers, 0);
  return { shares: nodes.flatMap(({ shares }) => shares), observers };
}

/** Asks how many are in rooms on all nodes, in the order of `rooms`. @throws unavailable */
export async function askHeadcounts(
  link: RedisLink,
  rooms: readonly string[],
): Promise<Headcount[]> {
  const counts: Headcount[] = [];
  for (let index = 0; index < rooms.length; index += roomsMax) {
    const page = rooms.slice(index, index + roomsMax);
    const answer = (await link.evaluate(countScript, [], [link.prefix, ...page])) as number[];
    for (const at of page.keys()) {
      counts.push({ members: answer[2 * at] ?? 0, observers: answer[2 * at + 1] ?? 0 });
    }
  }
  return counts;
}

/** Lists rooms that somebody is in, by name above `after`. @throws unavailable */
export async function listPeopled(link: RedisLink, after: string, max: number): Promise<string[]> {
  const from = after === "" ? "-" : `(${after}`;
  const args = [`${link.prefix}:peopled`, from, "+", "LIMIT", "0", `${max}`];
  return (await link.send("ZRANGEBYLEX", args)) as string[];
}
