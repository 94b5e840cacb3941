/** The user of Redis that the manual advises: servers do all their work as it, and it may do no more. */

import { expect, test } from "bun:test";
import { readExample } from "../support/manual.ts";
import { eventually } from "../support/poll.ts";
import { RedisServer } from "../support/redis-server.ts";
import { TestServer } from "../support/server.ts";
import { findSystemProgram } from "../support/system-program.ts";
import { connectAs, createToken, withTokens } from "../support/tokens.ts";

const everywhere = { "*": ["read", "write", "presence", "admin"] };
const admin = await createToken({ sub: "root", rooms: everywhere });

test.skipIf(findSystemProgram("redis") === null)(
  "what the manual permits a user of Redis is all that servers need, and leaves the rest forbidden",
  async () => {
    await using redis = await RedisServer.start({ appendonly: true });
    const example = await readExample("scaling", "console", "ACL SETUSER");
    const line = example.replace("$ redis-cli ", "").replaceAll("'", "").trim();
    const [acl = "", ...rest] = line.split(" ");
    await redis.send(acl, ...rest);
    const shared = {
      ...{ ...withTokens, redis: redis.url.replace("//", "//partyline:password@") },
      ...{ redisLeaseMs: 3_000, retention: { messagesMax: 3 } },
    };
    await using one = await TestServer.start(shared);
    await using two = await TestServer.start(shared);

    for (let count = 0; count < 9; count += 1)
      expect(await post(one, "/rooms/a/messages")).toBe(201);
    const token = await createToken({ sub: "eve", rooms: everywhere, jti: "t1" });
    const reader = await connectAs(
      one.socketUrl,
      await createToken({ sub: "al", rooms: everywhere }),
    );
    await reader.join("a", { presence: true, since: "start" });
    const member = await connectAs(two.socketUrl, token);
    await member.join("a", { presence: true });
    await eventually("both are there", () => JSON.stringify(reader.frames).includes('"eve"'));
    const headers = { authorization: `Bearer ${admin}` };
    expect((await (await one.fetch("/rooms", { headers })).json()).rooms[0].members).toBe(2);
    expect(await post(one, "/auth/disconnect", { user: "al" })).toBe(204);
    await reader.end();
    expect(await post(one, "/auth/revoke", { id: "t1" })).toBe(204);
    expect((await member.end()).code).toBe(4401);
    await two.stop();
    await eventually("everybody has left", async () => {
      const { rooms } = await (await one.fetch("/rooms", { headers })).json();
      return rooms[0].members === 0;
    });

    const denied = (await redis.send("ACL", "LOG")) as readonly { readonly object: string }[];
    expect(new Set(denied.map(({ object }) => object))).toEqual(new Set(["config|get"]));
    for (const forbidden of ["FLUSHALL", "CONFIG GET requirepass", "KEYS *", "GET other"]) {
      const tried = redis.send("ACL", "DRYRUN", "partyline", ...forbidden.split(" "));
      expect(await tried).toContain("has no permissions");
    }
  },
  60_000,
);

async function post(server: TestServer, path: string, body: object = { content: 1 }) {
  const headers = { "content-type": "application/json", authorization: `Bearer ${admin}` };
  const answer = await server.fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  await answer.body?.cancel();
  return answer.status;
}
