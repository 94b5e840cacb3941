import { beforeEach, describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Share } from "../../src/hub/ports.ts";
import { Presence, type PresenceChange } from "../../src/hub/presence.ts";
import { limits } from "../../src/protocol/limits.ts";
import { ManualClock } from "../support/manual-clock.ts";

const { presenceGatherMs, presenceGraceMs } = limits;
const ada = { id: "ada", name: "Ada" };

let clock: ManualClock;
let changes: PresenceChange[];
let deserted: number;
/** What other nodes were told, the newest of each user. */
let shared: Map<string, Share>;
/** Whether other nodes cannot be reached. */
let isBlind: boolean;
let presence: Presence;

beforeEach(() => {
  clock = new ManualClock();
  changes = [];
  deserted = 0;
  shared = new Map();
  isBlind = false;
  const outside = {
    get isBlind() {
      return isBlind;
    },
    share: (share: Share) => shared.set(share.id, share),
    unshare: (user: string) => shared.delete(user),
  };
  const listener = {
    onPresence: (change: PresenceChange) => changes.push(change),
    onDeserted: () => (deserted += 1),
  };
  presence = new Presence(clock, listener, outside);
});

function share(id: string, connections = 1, joinedAt = clock.now(), name = "Ada"): Share {
  return { id, name, joinedAt, connections, namedAt: clock.now() };
}

/** What was told since the last time, as the ids that joined and left. */
function told() {
  clock.advance(presenceGatherMs);
  return changes
    .splice(0)
    .flatMap(({ joined, left }) => [
      ...joined.map(({ id }) => `+${id}`),
      ...left.map(({ id }) => `-${id}`),
    ]);
}

describe("presence on several nodes", () => {
  test("counts a user once, with the connections of all nodes", () => {
    presence.add(ada);
    presence.hear("b", [share("ada", 2)], []);
    presence.hear("c", [share("ada", 3), share("bob")], []);
    expect(presence.list()).toMatchObject([{ id: "ada", connections: 6 }, { id: "bob" }]);
    expect([presence.count, presence.hereCount]).toEqual([2, 1]);
    expect(told()).toEqual(["+ada", "+bob"]);
    presence.hear("c", [share("ada", 1)], ["bob"]);
    expect(presence.list()).toMatchObject([{ id: "ada", connections: 4 }]);
    expect(told()).toEqual(["-bob"]);
  });

  test("tells nothing of a user who moves, whichever node speaks first", () => {
    presence.hear("b", [share("ada")], []);
    expect(told()).toEqual(["+ada"]);
    presence.hear("c", [share("ada")], []); // there before it is gone from the other
    presence.hear("b", [], ["ada"]);
    expect(told()).toEqual([]);
    presence.add(ada); // here, then gone from there
    presence.hear("c", [], ["ada"]);
    expect(told()).toEqual([]);
    presence.remove("ada", presenceGraceMs); // cut here, and there within the grace
    clock.advance(presenceGraceMs - 1);
    presence.hear("b", [share("ada")], []);
    expect(told()).toEqual([]);
    expect(deserted).toBe(1);
    presence.hear("c", [share("ada", 0)], ["nobody"]); // within the grace of another node
    presence.hear("b", [], ["ada"]);
    expect(told()).toEqual([]);
    presence.hear("c", [], ["ada"]);
    expect(told()).toEqual(["-ada"]);
  });

  test("tells other nodes of connections, of the grace, and of its end", () => {
    presence.add(ada);
    presence.add(ada);
    expect(shared.get("ada")).toMatchObject({ connections: 2 });
    presence.rename({ id: "ada", name: "Ada L." });
    expect(shared.get("ada")).toMatchObject({ name: "Ada L.", connections: 2 });
    presence.remove("ada");
    presence.remove("ada", presenceGraceMs);
    expect(shared.get("ada")).toMatchObject({ connections: 0 });
    clock.advance(presenceGraceMs);
    expect([shared.size, deserted]).toEqual([0, 1]);
  });

  test("keeps who leaves while others cannot be heard: they may be elsewhere", () => {
    for (const id of ["ada", "bob", "~guest"]) presence.add({ id, name: id });
    told();
    isBlind = true;
    presence.remove("ada");
    presence.remove("bob", presenceGraceMs);
    presence.remove("~guest");
    expect(told()).toEqual(["-~guest"]); // nobody comes back under such a name
    clock.advance(2 * presenceGraceMs);
    expect(presence.list()).toMatchObject([{ id: "ada", connections: 0 }, { id: "bob" }]);
    isBlind = false;
    presence.hear("b", [share("ada", 1, clock.now(), "ada")], []);
    clock.advance(1_000);
    expect(told()).toEqual(["-bob"]);
    expect([presence.hereCount, deserted, [...shared.keys()]]).toEqual([0, 1, []]);
  });

  test("lets the room go by who is here, and takes no stray leaving for theirs", () => {
    presence.hear("b", [share("ada")], []);
    presence.remove("ada");
    expect([presence.count, presence.hereCount, deserted, shared.size]).toEqual([1, 0, 0, 0]);
    presence.add(ada);
    presence.remove("ada");
    expect([presence.count, deserted]).toEqual([1, 1]);
  });

  test("shows one name on all nodes, in whichever order they hear of several", () => {
    const names = (order: readonly string[], namedAt: Readonly<Record<string, number>>) => {
      const node = new Presence(clock, { onPresence() {}, onDeserted() {} });
      for (const name of order) {
        const times = { joinedAt: 5, namedAt: namedAt[name] ?? 0 };
        node.hear(name, [{ id: "ada", name, connections: 1, ...times }], []);
      }
      return node.list()[0]?.name;
    };
    for (const order of [
      ["A", "B", "C"],
      ["C", "B", "A"],
      ["B", "C", "A"],
    ]) {
      expect(names(order, { A: 7, B: 8, C: 6 })).toBe("B");
      expect(names(order, { A: 7, B: 7, C: 7 })).toBe("C"); // one is as good as the other
    }
  });

  test("tells a name that was given here as later than any that is known here", () => {
    presence.add(ada);
    presence.hear("b", [{ ...share("ada"), name: "Adele", namedAt: clock.now() + 50 }], []);
    expect(shared.get("ada")).toMatchObject({ name: "Adele", namedAt: clock.now() + 50 });
    presence.rename(ada); // on a machine whose clock is behind
    expect(shared.get("ada")).toMatchObject({ name: "Ada", namedAt: clock.now() + 51 });
    clock.advance(1_000);
    presence.rename({ id: "ada", name: "Ada L." });
    expect(shared.get("ada")).toMatchObject({ name: "Ada L.", namedAt: clock.now() });
    expect(presence.list()[0]?.name).toBe("Ada L.");
  });

  test("keeps the earliest time and hands it on, and shows the newest name", () => {
    clock.advance(1_000);
    presence.add({ id: "zoe", name: "Zoe" });
    presence.add(ada);
    const early = clock.now() - 500;
    presence.hear("b", [share("ada", 1, early, "Ada L.")], []);
    expect(shared.get("ada")).toMatchObject({ joinedAt: early });
    expect(presence.list()).toMatchObject([{ id: "ada", name: "Ada L.", joinedAt: early }, {}]);
    presence.hear("b", [share("ada", 2, early, "Ada L.")], []); // no news of the name
    presence.rename(ada);
    presence.hear("b", [], ["ada"]);
    expect(presence.list()[0]).toMatchObject({ name: "Ada", joinedAt: early });
  });

  test("takes those for gone whom a whole list does not name", () => {
    presence.hear("b", [share("ada"), share("bob")], []);
    presence.hear("c", [share("bob")], []);
    presence.hearObservers("b", 2);
    presence.hearObservers("c", 1);
    told();
    presence.hearAll("b", [share("carl")]);
    expect(told()).toEqual(["+carl", "-ada"]);
    presence.hearObservers("b", 0);
    expect(presence.observersElsewhere).toBe(1);
  });

  test("never differs from a count by hand, and never names whoever stayed", () => {
    const user = fc.constantFrom("a", "b", "c", "~d");
    const node = fc.constantFrom("x", "y");
    const act = fc.oneof(
      fc.record({ kind: fc.constant("add" as const), user }),
      fc.record({ kind: fc.constant("remove" as const), user, isCut: fc.boolean() }),
      fc.record({ kind: fc.constant("hear" as const), user, node, connections: fc.nat(2) }),
      fc.record({ kind: fc.constant("gone" as const), user, node }),
      fc.record({ kind: fc.constant("all" as const), node, users: fc.uniqueArray(user) }),
      fc.record({ kind: fc.constant("wait" as const), ms: fc.constantFrom(1, 200, 5_000) }),
    );
    const property = fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
      const clock = new ManualClock();
      const seen = new Set<string>(); // as a client that joined before all this
      const here = new Map<string, { connections: number; until: number }>();
      const there = new Map<string, Map<string, number>>(["x", "y"].map((id) => [id, new Map()]));
      const isThere = (id: string) => [...there.values()].some((users) => users.has(id));
      const isMember = (id: string) => here.has(id) || isThere(id);
      const stayed = new Set<string>();
      const presence = new Presence(clock, {
        onPresence({ joined, left }) {
          for (const { id } of left) if (stayed.has(id)) throw new Error(`${id} flickered`);
          for (const { id } of joined) seen.add(id);
          for (const { id } of left) seen.delete(id);
          stayed.clear();
          for (const id of ["a", "b", "c", "~d"]) if (isMember(id)) stayed.add(id);
        },
        onDeserted() {
          if (here.size > 1) throw new Error("deserted too early");
        },
      });
      const wait = (ms: number) => {
        for (const [id, { until }] of here) if (until <= clock.now() + ms) here.delete(id);
        for (const id of stayed) if (!isMember(id)) stayed.delete(id);
        clock.advance(ms);
      };
      for (const act of acts) {
        if (act.kind === "add") {
          const { connections } = here.get(act.user) ?? { connections: 0 };
          here.set(act.user, { connections: connections + 1, until: Number.POSITIVE_INFINITY });
          presence.add({ id: act.user, name: act.user });
        } else if (act.kind === "remove") {
          const entry = here.get(act.user);
          if (entry === undefined || entry.connections === 0) continue;
          entry.connections -= 1;
          const isGraceful = act.isCut && act.user !== "~d";
          if (entry.connections === 0 && isGraceful) entry.until = clock.now() + presenceGraceMs;
          else if (entry.connections === 0) here.delete(act.user);
          presence.remove(act.user, act.isCut ? presenceGraceMs : 0);
        } else if (act.kind === "hear") {
          there.get(act.node)?.set(act.user, act.connections);
          const { user: id, connections } = act;
          const times = { joinedAt: clock.now(), namedAt: clock.now() };
          presence.hear(act.node, [{ id, name: id, connections, ...times }], []);
        } else if (act.kind === "gone") {
          there.get(act.node)?.delete(act.user);
          presence.hear(act.node, [], [act.user]);
        } else if (act.kind === "all") {
          there.set(act.node, new Map(act.users.map((id) => [id, 1])));
          const times = { joinedAt: 0, namedAt: 0 };
          const toShare = (id: string) => ({ id, name: id, connections: 1, ...times });
          presence.hearAll(act.node, act.users.map(toShare));
        } else {
          wait(act.ms);
        }
        for (const id of stayed) if (!isMember(id)) stayed.delete(id);
        const members = ["a", "b", "c", "~d"].filter(isMember);
        const listed = presence.list();
        expect(listed.map(({ id }) => id).sort()).toEqual(members.sort());
        expect([presence.count, presence.hereCount]).toEqual([members.length, here.size]);
        for (const { id, connections } of listed) {
          let sum = here.get(id)?.connections ?? 0;
          for (const users of there.values()) sum += users.get(id) ?? 0;
          expect(connections).toBe(sum);
        }
      }
      wait(presenceGraceMs + presenceGatherMs);
      expect([...seen].sort()).toEqual(["a", "b", "c", "~d"].filter((id) => presence.has(id)));
    });
    fc.assert(property, { numRuns: 300 });
  });
});
