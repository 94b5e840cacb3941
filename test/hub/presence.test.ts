import { beforeEach, describe, expect, test } from "bun:test";
import { Presence, type PresenceChange } from "../../src/hub/presence.ts";
import { limits } from "../../src/protocol/limits.ts";
import { ManualClock } from "../support/manual-clock.ts";

const { presenceGatherMs, presenceGraceMs, listedMembersMax } = limits;
const ada = { id: "ada", name: "Ada" };
const bob = { id: "bob", name: "Bob" };
const guest = { id: "~guest", name: "anonymous" };

let clock: ManualClock;
let changes: PresenceChange[];
let deserted: number;
let presence: Presence;

beforeEach(() => {
  clock = new ManualClock();
  changes = [];
  deserted = 0;
  presence = new Presence(clock, {
    onPresence: (change) => changes.push(change),
    onDeserted: () => (deserted += 1),
  });
});

/** What was told since the last time, as the ids that joined and left. */
function told() {
  return changes
    .splice(0)
    .map(({ joined, left, members }) => [
      joined.map(({ id }) => id).join(),
      left.map(({ id }) => id).join(),
      members,
    ]);
}

describe("presence", () => {
  test("gathers what happens within the gathering time, and no longer", () => {
    presence.add(ada);
    clock.advance(presenceGatherMs - 1);
    presence.add(bob);
    expect(told()).toEqual([]);
    clock.advance(1);
    expect(told()).toEqual([["ada,bob", "", 2]]);
    clock.advance(10 * presenceGatherMs);
    expect(told()).toEqual([]);
    expect(clock.waiting).toBe(0);
  });

  test("counts a user with several connections once", () => {
    presence.add(ada);
    presence.add(ada);
    expect(presence.list()).toEqual([{ ...ada, joinedAt: clock.now(), connections: 2 }]);
    clock.advance(presenceGatherMs);
    changes.splice(0);
    presence.remove("ada");
    clock.advance(presenceGatherMs);
    expect([told(), presence.count, deserted]).toEqual([[], 1, 0]);
    presence.remove("ada");
    expect([presence.count, deserted]).toEqual([0, 1]);
    clock.advance(presenceGatherMs);
    expect(told()).toEqual([["", "ada", 0]]);
  });

  test("keeps a named user who was cut off until the grace ends", () => {
    presence.add(ada);
    clock.advance(presenceGatherMs);
    changes.splice(0);
    presence.remove("ada", presenceGraceMs);
    clock.advance(presenceGraceMs - 1);
    expect([told(), presence.count, deserted]).toEqual([[], 1, 0]);
    clock.advance(1);
    expect([presence.count, deserted]).toEqual([0, 1]);
    clock.advance(presenceGatherMs);
    expect(told()).toEqual([["", "ada", 0]]);
  });

  test("tells nobody of a cut when the user comes back within the grace", () => {
    presence.add(ada);
    clock.advance(presenceGatherMs);
    changes.splice(0);
    for (let cut = 0; cut < 3; cut += 1) {
      presence.remove("ada", presenceGraceMs);
      clock.advance(presenceGraceMs - 1);
      presence.add(ada);
    }
    clock.advance(10 * presenceGraceMs);
    expect([told(), presence.count, clock.waiting]).toEqual([[], 1, 0]);
  });

  test("gives no grace to those who leave on purpose or have no name to come back under", () => {
    presence.add(ada);
    presence.add(guest);
    presence.remove("ada");
    presence.remove(guest.id, presenceGraceMs);
    expect([presence.count, deserted]).toEqual([0, 1]);
  });

  test("tells of another name as of a join", () => {
    presence.add(guest);
    clock.advance(presenceGatherMs);
    changes.splice(0);
    presence.rename({ ...guest, name: "Grace" });
    presence.rename({ ...guest, name: "Grace" });
    presence.rename(bob);
    clock.advance(presenceGatherMs);
    expect(changes).toMatchObject([{ joined: [{ id: "~guest", name: "Grace" }], left: [] }]);
    changes.splice(0);
    presence.rename({ ...guest, name: "Grace" });
    clock.advance(presenceGatherMs);
    expect(told()).toEqual([]);
  });

  test("tells that a user left who was renamed a moment before", () => {
    presence.add(guest);
    clock.advance(presenceGatherMs);
    changes.splice(0);
    presence.rename({ ...guest, name: "Grace" });
    presence.remove(guest.id);
    clock.advance(presenceGatherMs);
    expect(told()).toEqual([["", "~guest", 0]]);
  });

  test("tells that a user left who left, came and left within one gathering", () => {
    presence.add(ada);
    clock.advance(presenceGatherMs);
    changes.splice(0);
    presence.remove("ada");
    clock.advance(1);
    presence.add(ada);
    clock.advance(1);
    presence.remove("ada");
    clock.advance(presenceGatherMs);
    expect(told()).toEqual([["", "ada", 0]]);
  });

  test("tells that a user left whom only a list of members has named", () => {
    presence.add(ada);
    expect(presence.list()).toHaveLength(1); // somebody joins now, and reads this
    presence.remove("ada");
    clock.advance(presenceGatherMs);
    expect(told()).toEqual([["", "ada", 0]]);
  });

  test("never names one user as joined and left at once", () => {
    for (let turn = 0; turn < 5; turn += 1) {
      presence.add(ada);
      presence.remove("ada");
    }
    presence.add(ada);
    clock.advance(presenceGatherMs);
    expect(told()).toEqual([["ada", "", 1]]);
  });

  test("names nobody above the limit, and lists only so many", () => {
    for (let index = 0; index < listedMembersMax; index += 1) {
      presence.add({ id: `u${index}`, name: "x" });
    }
    clock.advance(presenceGatherMs);
    expect(changes[0]?.joined).toHaveLength(listedMembersMax);
    presence.add(ada);
    clock.advance(presenceGatherMs);
    expect(changes[1]).toEqual({ joined: [], left: [], members: listedMembersMax + 1 });
    expect(presence.list()).toHaveLength(listedMembersMax);
    expect(presence.list()[0]?.id).toBe("u0");
    expect(presence.count).toBe(listedMembersMax + 1);
  });

  test("ignores the leaving of somebody who is not there", () => {
    presence.remove("nobody", presenceGraceMs);
    expect([presence.count, deserted, clock.waiting]).toEqual([0, 0, 0]);
  });

  test("has no alarms left once it is closed", () => {
    presence.add(ada);
    presence.add(bob);
    presence.remove("bob", presenceGraceMs);
    presence.close();
    presence.close();
    expect(clock.waiting).toBe(0);
  });
});
