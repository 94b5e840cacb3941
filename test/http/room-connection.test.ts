import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { limits } from "../../src/protocol/limits.ts";
import type { Client, Frame } from "../support/client.ts";
import { eventually } from "../support/poll.ts";
import { TestServer } from "../support/server.ts";
import { connectAs, createToken, type TestClaims, withTokens } from "../support/tokens.ts";

let closed: TestServer;
let readable: TestServer;
beforeAll(async () => {
  closed = await TestServer.start(withTokens);
  readable = await TestServer.start({ ...withTokens, anonymous: "read", connectionsPerUser: 2 });
});
afterAll(async () => {
  await closed[Symbol.asyncDispose]();
  await readable[Symbol.asyncDispose]();
});

const all = { "*": ["read", "write", "presence"] };

async function connect(server: TestServer, claims: TestClaims): Promise<Client> {
  return connectAs(server.socketUrl, await createToken(claims));
}

async function renew(client: Client, claims: TestClaims): Promise<Frame> {
  return client.ask({ type: "auth", token: await createToken(claims) });
}

/** Publishes one message after the other until the returned function is called. */
function publishOnAndOn(client: Client, room: string): () => Promise<number> {
  let count = 0;
  let isOver = false;
  const run = async () => {
    while (!isOver) {
      count += 1;
      await client.ask({ type: "message", room, content: count });
    }
  };
  const running = run();
  return async () => {
    isOver = true;
    await running;
    return count;
  };
}

describe("a connection whose token runs out", () => {
  test("is told so before, closed with 4401, and hears nothing that comes later", async () => {
    const alice = await connect(closed, { sub: "alice", rooms: all });
    const bob = await connect(closed, { sub: "bob", rooms: all });
    await alice.join("end");
    await bob.join("end");
    const stop = publishOnAndOn(bob, "end");
    const exp = Date.now() / 1_000 + 2;
    expect((await renew(alice, { sub: "alice", rooms: all, exp })).type).toBe("authenticated");
    // A timer of the test's own: on a busy machine both are late.
    const { promise: isOver, resolve } = Promise.withResolvers<number>();
    setTimeout(() => resolve(Date.now()), exp * 1_000 - Date.now());
    expect((await alice.end()).code).toBe(4401);
    await bob.settle();
    await stop();
    expect(alice.all("token_expiring")).toHaveLength(1);
    expect(alice.frames.at(-1)).toMatchObject({ type: "error", code: "unauthenticated" });
    const times = alice.all("message").map((frame) => (frame as Frame & { at: number }).at);
    expect(times.length).toBeGreaterThan(0);
    // A timer is never quite on time; a sweep once a second would be off by far more.
    expect(Math.max(...times)).toBeLessThan((await isOver) + 250);
    bob.close();
  });

  test("and one that shows none in time, where one is needed, but not the one that does", async () => {
    const started = performance.now();
    const late = await closed.connect();
    const early = await closed.connect();
    expect((await renew(early, { sub: "alice", rooms: all })).type).toBe("authenticated");
    expect((await late.end()).code).toBe(4401);
    const waitedMs = performance.now() - started;
    expect(waitedMs).toBeGreaterThan(limits.tokenWithinMs - 100);
    await early.settle();
  }, 20_000);
});

describe("a renewal", () => {
  test("loses no message and tells none twice", async () => {
    const alice = await connect(closed, { sub: "alice", rooms: all });
    const bob = await connect(closed, { sub: "bob", rooms: all });
    await alice.join("kept");
    await bob.join("kept");
    const stop = publishOnAndOn(bob, "kept");
    for (let turn = 0; turn < 30; turn += 1) {
      const exp = Math.floor(Date.now() / 1_000) + 3_600 + turn;
      const answer = await renew(alice, { sub: "alice", rooms: all, exp });
      expect(answer).toMatchObject({ type: "authenticated", expiresAt: exp * 1_000 } as object);
    }
    const count = await stop();
    await eventually("all messages", () => alice.all("message").length >= count);
    await alice.settle();
    const contents = alice.all("message").map(({ content }) => content);
    expect(contents).toEqual(Array.from({ length: count }, (_, index) => index + 1));
    expect(alice.all("joined")).toHaveLength(1);
    for (const client of [alice, bob]) client.close();
  });

  test("with fewer rights leaves the rooms that may not be read any more at once", async () => {
    for (const binary of [false, true]) {
      const [lost, kept] = [`lost-${binary}`, `kept-${binary}`];
      const alice = await connect(closed, { sub: "alice", rooms: all });
      const bob = await connect(closed, { sub: "bob", rooms: all });
      for (const room of [lost, kept]) {
        await alice.join(room, { binary });
        await bob.join(room);
      }
      const stop = publishOnAndOn(bob, lost);
      await eventually("messages", () => alice.all("message").length > 3);
      await renew(alice, { sub: "alice", rooms: { [kept]: ["read"] } });
      const told = alice.frames.findIndex(({ type }) => type === "authenticated");
      bob.send({ type: "signal", room: lost, content: 1 });
      bob.send(Buffer.concat([Uint8Array.of(1, lost.length), Buffer.from(`${lost}bytes`)]));
      await Bun.sleep(50); // some more that must not arrive
      await stop();
      await bob.ask({ type: "message", room: kept, content: "still here" });
      await alice.next("message", ({ room }) => room === kept);
      await alice.settle();
      expect(alice.all("left")).toMatchObject([{ room: lost }]);
      expect(alice.frames.slice(told).filter(({ room }) => room === lost)).toEqual([]);
      expect(alice.binaryFrames).toEqual([]);
      const { members } = await bob.ask({ type: "members", room: lost });
      expect(members.map(({ id }) => id)).toEqual(["bob"]);
      for (const request of [
        { type: "message", room: lost, content: 1 },
        { type: "signal", room: lost, content: 1 },
      ]) {
        expect((await alice.ask(request)).code).toBe("not_joined");
      }
      for (const type of ["join", "history", "members"]) {
        expect((await alice.ask({ type, room: lost })).code).toBe("forbidden");
      }
      expect((await alice.ask({ type: "message", room: kept, content: 1 })).code).toBe("forbidden");
      for (const client of [alice, bob]) client.close();
    }
  });

  test("that gives or takes the sight of members changes that alone, and loses nothing", async () => {
    for (const binary of [false, true]) {
      const room = `sight-${binary}`;
      const blind = { [room]: ["read", "write"] };
      const alice = await connect(closed, { sub: "alice", rooms: blind });
      const bob = await connect(closed, { sub: "bob", rooms: all });
      await bob.join(room);
      expect(await alice.join(room, { binary })).toMatchObject({ members: [], memberCount: 2 });
      const stop = publishOnAndOn(bob, room);
      for (let turn = 0; turn < 20; turn += 1) {
        await renew(alice, { sub: "alice", rooms: turn % 2 === 0 ? all : blind });
        await eventually("messages", () => alice.all("message").length > 3 * turn);
      }
      const count = await stop();
      await eventually("all messages", () => alice.all("message").length >= count);
      await alice.settle();
      const contents = alice.all("message").map(({ content }) => content);
      expect(contents).toEqual(Array.from({ length: count }, (_, index) => index + 1));
      const seen = alice.all("members").map(({ members }) => members.length);
      expect(seen).toEqual(Array.from({ length: 20 }, (_, turn) => (turn % 2 === 0 ? 2 : 0)));
      for (const client of [alice, bob]) client.close();
    }
  });

  test("with fewer rights also ends a catching up, and a join that was just asked for", async () => {
    const bob = await connect(closed, { sub: "bob", rooms: all });
    await bob.join("long");
    const text = "x".repeat(4_000);
    for (let sent = 0; sent < 2_000; sent += 100) {
      const batch = Array.from({ length: 100 }, () => {
        return bob.ask({ type: "message", room: "long", content: text });
      });
      await Promise.all(batch);
    }
    const alice = await connect(closed, { sub: "alice", rooms: all });
    const token = await createToken({ sub: "alice", rooms: {} });
    alice.send({ type: "join", room: "long", since: "start" });
    alice.send({ type: "auth", token, ref: "less" });
    alice.send({ type: "join", room: "fresh", since: "start" });
    await eventually("the renewal", () => alice.frames.some(({ ref }) => ref === "less"));
    await bob.ask({ type: "message", room: "long", content: "later" });
    await alice.settle();
    const told = alice.frames.findIndex(({ ref }) => ref === "less");
    const after = alice.frames.slice(told).filter(({ type }) => type === "message");
    expect(after).toEqual([]);
    expect(alice.all("left").map(({ room }) => room)).toContain("long");
    const { members } = await bob.ask({ type: "members", room: "long" });
    expect(members.map(({ id }) => id)).toEqual(["bob"]);
    for (const client of [alice, bob]) client.close();
  });

  test("is refused with another user's token, or one that does not hold; nothing changes", async () => {
    const alice = await connect(closed, { sub: "alice", rooms: all });
    await alice.join("same");
    expect((await renew(alice, { sub: "mallory", rooms: all })).code).toBe("forbidden");
    expect((await renew(alice, { sub: "alice", exp: 1 })).code).toBe("unauthenticated");
    expect((await alice.ask({ type: "auth", token: "x" })).code).toBe("unauthenticated");
    await alice.ask({ type: "message", room: "same", content: 1 });
    expect((await alice.next("message")).from.id).toBe("alice");
    alice.close();
  });

  test("shows the new name of its user", async () => {
    const bob = await connect(closed, { sub: "bob", rooms: all });
    const alice = await connect(closed, { sub: "alice", name: "Alice", rooms: all });
    await bob.join("names");
    await alice.join("names");
    await bob.next("presence", ({ joined }) => joined.some(({ name }) => name === "Alice"));
    expect((await renew(alice, { sub: "alice", name: "Alicia", rooms: all })).user.name).toBe(
      "Alicia",
    );
    const change = await bob.next("presence", ({ joined }) =>
      joined.some(({ name }) => name === "Alicia"),
    );
    expect([change.left, change.members]).toMatchObject([[], 2] as object);
    for (const client of [alice, bob]) client.close();
  });
});

describe("somebody anonymous who shows a token", () => {
  test("is that user from then on, for everybody in the room", async () => {
    const bob = await connect(readable, { sub: "bob", rooms: all });
    await bob.join("hall");
    const alice = await readable.connect();
    const { members } = await alice.join("hall", { username: "Somebody" });
    const anonymous = members.find(({ id }) => id.startsWith("~"));
    await bob.next("presence", ({ joined }) => joined.some(({ id }) => id === anonymous?.id));
    expect((await alice.ask({ type: "message", room: "hall", content: 1 })).code).toBe(
      "unauthenticated",
    );
    const answer = await renew(alice, { sub: "alice", name: "Alice", rooms: all });
    expect(answer.user).toEqual({ id: "alice", name: "Alice" });
    // Who came before may be told in one frame or in two.
    const change = await bob.next("presence", ({ joined }) =>
      joined.some(({ id }) => id === "alice"),
    );
    expect(change.joined).toMatchObject([{ id: "alice", name: "Alice", connections: 1 }]);
    expect(change.left).toMatchObject([{ id: anonymous?.id ?? "" }]);
    await alice.ask({ type: "message", room: "hall", content: 2 });
    expect((await bob.next("message")).from).toEqual({ id: "alice", name: "Alice" });
    await alice.join("hall", { username: "Queen" }); // a name only for who has no other
    const now = await bob.ask({ type: "members", room: "hall" });
    expect(now.members.map(({ name }) => name).toSorted()).toEqual(["Alice", "bob"]);
    expect((await renew(alice, { sub: "mallory", rooms: all })).code).toBe("forbidden");
    for (const client of [alice, bob]) client.socket.close(1_000); // not cut: they are gone at once
    await eventually("an empty room", async () => {
      const { members: left } = await readable.json("/rooms/hall/members");
      return left.length === 0;
    });
  });

  test("leaves the rooms that only the anonymous may read", async () => {
    const alice = await readable.connect();
    await alice.join("attic");
    await renew(alice, { sub: "alice", rooms: {} });
    expect(await alice.next("left")).toMatchObject({ room: "attic" });
    alice.close();
  });

  test("stays anonymous when that user has as many connections as one may", async () => {
    const two = [
      await connect(readable, { sub: "carol", rooms: all }),
      await connect(readable, { sub: "carol", rooms: all }),
    ];
    const third = await readable.connect();
    expect((await renew(third, { sub: "carol", rooms: all })).code).toBe("too_many");
    expect((await third.ask({ type: "join", room: "hall" })).type).toBe("joined");
    expect((await third.ask({ type: "message", room: "hall", content: 1 })).code).toBe(
      "unauthenticated",
    );
    for (const client of [...two, third]) client.close();
  });

  test("may try again where anybody may read, and is closed where nobody may", async () => {
    const guest = await readable.connect();
    expect((await guest.ask({ type: "auth", token: "x" })).code).toBe("unauthenticated");
    expect((await renew(guest, { sub: "dave" })).type).toBe("authenticated");
    guest.close();
    const stranger = await closed.connect();
    expect((await stranger.ask({ type: "auth", token: "x" })).code).toBe("unauthenticated");
    expect((await stranger.end()).code).toBe(4401);
  });
});

describe("a connection that may not see members", () => {
  test("hears messages and others' signals, and neither its own nor who comes and goes", async () => {
    const alice = await connect(closed, { sub: "alice", rooms: { dim: ["read", "write"] } });
    const bob = await connect(closed, { sub: "bob", rooms: all });
    await alice.join("dim");
    await bob.join("dim");
    await bob.next("presence");
    alice.send({ type: "signal", room: "dim", content: "mine" });
    await bob.next("signal");
    bob.send({ type: "signal", room: "dim", content: "theirs" });
    await bob.ask({ type: "message", room: "dim", content: "kept" });
    await alice.next("message");
    await alice.settle();
    expect(alice.all("signal").map(({ content }) => content)).toEqual(["theirs"]);
    expect(alice.all("presence")).toEqual([]);
    expect((await alice.ask({ type: "members", room: "dim" })).code).toBe("forbidden");
    expect(await alice.join("dim")).toMatchObject({ members: [], memberCount: 2 });
    alice.close();
    await eventually("bob alone", async () => {
      const { members } = await bob.ask({ type: "members", room: "dim" });
      return members.length === 1;
    });
    bob.close();
  });
});
