import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { StreamSession } from "../../src/http/stream-session.ts";
import { Subscription } from "../../src/hub/subscription.ts";
import { EventReader } from "../support/event-reader.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { eventually } from "../support/poll.ts";
import { TestServer } from "../support/server.ts";
import { createGuard, createToken, withTokens } from "../support/tokens.ts";

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start({ ...withTokens, anonymous: "read,write:open-*" });
});
afterAll(() => server[Symbol.asyncDispose]());

const both = { a: ["read"], b: ["read"] };

describe("a stream with a token", () => {
  for (const path of ["/rooms/open-a/events", "/events?room=open-a&room=open-b"]) {
    test(`ends with a problem when that runs out (${path})`, async () => {
      const exp = Date.now() / 1_000 + 2.5;
      const rooms = { "open-*": ["read"] };
      const token = await createToken({ sub: "alice", rooms, exp });
      const query = `${path.includes("?") ? "&" : "?"}access_token=${token}`;
      using stream = new EventReader(`${server.url}${path}${query}`);
      using other = new EventReader(`${server.url}${path}`);
      await stream.stand();
      await other.stand();
      await server.publish("open-a", 1);
      await stream.count(1);
      await eventually("the end", () => stream.isEnded);
      expect(Date.now()).toBeGreaterThanOrEqual(exp * 1_000);
      await server.publish("open-a", 2);
      await other.count(2);
      expect(stream.messages).toHaveLength(1);
      expect(stream.events.map(({ event }) => event)).toEqual([
        "welcome",
        undefined,
        "token_expiring",
        "problem",
      ]);
      expect(stream.named("token_expiring")).toMatchObject([{ type: "token_expiring" }]);
      expect(stream.named("problem")).toMatchObject([
        { status: 401, code: "unauthenticated" },
      ] as object);
    });
  }

  test("begins with the id of its connection and its user; one without has no such thing", async () => {
    const token = await createToken({ sub: "alice", name: "Alice", rooms: { a: ["read"] } });
    using stream = new EventReader(`${server.url}/rooms/a/events?access_token=${token}`);
    using other = new EventReader(`${server.url}/rooms/a/events`);
    await stream.stand();
    await other.stand();
    expect(stream.named("welcome")).toEqual([
      {
        type: "welcome",
        connection: expect.stringMatching(/^[0-9a-z]{12}$/),
        user: { id: "alice", name: "Alice" },
      } as never,
    ]);
    expect(other.events).toEqual([]);
  });
});

test("a stream tells who comes and goes only to those who may see them", async () => {
  const follow = async (actions: string[]) => {
    const token = await createToken({ sub: "alice", rooms: { "open-seen": actions } });
    return new EventReader(`${server.url}/rooms/open-seen/events?access_token=${token}`);
  };
  using seeing = await follow(["read", "presence"]);
  using blind = await follow(["read"]);
  await seeing.stand();
  await blind.stand();
  const bob = await server.connect();
  await bob.join("open-seen");
  await eventually("presence", () => seeing.named("presence").length > 0);
  await bob.ask({ type: "message", room: "open-seen", content: 1 });
  await blind.count(1);
  expect(blind.named("presence")).toEqual([]);
  bob.close();
});

describe("a renewal", () => {
  const { guard } = createGuard(new ManualClock(Date.now() + 60_000)); // later than any "iat"
  const identify = async (sub: string, rooms: Record<string, string[]>) =>
    guard.authenticate(await createToken({ sub, rooms }));
  const code = (act: () => void) => {
    try {
      return act();
    } catch (thrown) {
      return (thrown as { code?: string }).code;
    }
  };

  async function open() {
    const subscription = new Subscription({ queueBytesMax: 10_000, positions: null });
    const before = await identify("alice", both);
    const arrival = { address: "127.0.0.1", trace: undefined, since: 0, startedAt: 0 };
    return { before, session: new StreamSession("c", before, subscription, ["a", "b"], arrival) };
  }

  test("takes the same user's token that covers every room", async () => {
    const { session } = await open();
    const after = await identify("alice", { "*": ["read"] });
    session.renew(after);
    expect(session.identity).toBe(after);
  });

  test("is refused with another user's, or one that does not cover a room; nothing changes", async () => {
    const { session, before } = await open();
    const mallory = await identify("mallory", both);
    const less = await identify("alice", { a: ["read"], b: ["write"] });
    expect(code(() => session.renew(mallory))).toBe("forbidden");
    expect(code(() => session.renew(less))).toBe("forbidden");
    expect(session.identity).toBe(before);
  });
});
