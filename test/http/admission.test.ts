import { expect, test } from "bun:test";
import { Pass } from "../../src/limit/pass.ts";
import type { UserQuota } from "../../src/limit/user-quota.ts";
import { PartylineError } from "../../src/protocol/errors.ts";
import { createAdmission } from "../support/admission.ts";
import { ManualClock } from "../support/manual-clock.ts";

const request = new Request("http://localhost/ws");

/** Other nodes that answer when the test says so. */
class SlowQuota implements UserQuota {
  readonly claims: ((isLetIn: boolean) => void)[] = [];
  released = 0;
  onNodes: (user: string, nodes: number) => void = () => {};

  start(onNodes: (user: string, nodes: number) => void): void {
    this.onNodes = onNodes;
  }

  claim(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.claims.push(resolve);
    return promise;
  }

  release(): void {
    this.released += 1;
  }
}

test("a server without other nodes lets users in at once", () => {
  const admission = createAdmission({ connectionsPerUser: 1 });
  const pass = admission.connect(request, null, "alice");
  expect(pass).toBeInstanceOf(Pass);
  expect(() => admission.connect(request, null, "alice")).toThrow("One user may have 1");
});

test("other nodes are asked about a user whose connections are bounded, and about nobody else", async () => {
  const quota = new SlowQuota();
  const admission = createAdmission({ connectionsPerUser: 5 }, undefined, { quota });
  expect(admission.connect(request, null, null)).toBeInstanceOf(Pass);
  expect(quota.claims).toHaveLength(0);
  const asked = [
    admission.connect(request, null, "alice"),
    admission.connect(request, null, "bob"),
  ];
  quota.claims[0]?.(true);
  quota.claims[1]?.(false);
  expect(await asked[0]).toBeInstanceOf(Pass);
  await expect(asked[1]).rejects.toMatchObject({ code: "too_many", retryAfterMs: 5_000 });
  (await asked[0])?.release();
  expect(quota.released).toBe(1);
});

test("where only the pace of users is bounded nobody waits, and each node has its part", () => {
  const quota = new SlowQuota();
  const pace = { messagesPerSecond: 1, messagesBurst: 4 };
  const clock = new ManualClock();
  const admission = createAdmission(pace, clock, { quota });
  const pass = admission.connect(request, null, "alice");
  if (!(pass instanceof Pass)) throw new Error("it waits");
  quota.onNodes("alice", 2);
  expect([pass.spend(), pass.spend(), pass.spend() > 0]).toEqual([0, 0, true]);
  quota.onNodes("alice", 1);
  clock.advance(1_000); // one frame comes back, at the whole pace
  expect([pass.spend(), pass.spend() > 0]).toEqual([0, true]);
});

test("whoever is let in by other nodes after all were sent away is sent away as well", async () => {
  const quota = new SlowQuota();
  let isLeaving = false;
  const drain = {
    assertStaying() {
      if (isLeaving) throw new PartylineError("draining", "The server goes away.");
    },
  };
  const admission = createAdmission({ connectionsPerUser: 5 }, undefined, { quota, drain });
  const asked = admission.connect(request, null, "alice");
  isLeaving = true;
  quota.claims[0]?.(true);
  await expect(asked).rejects.toMatchObject({ code: "draining" });
  expect(quota.released).toBe(1);
});
