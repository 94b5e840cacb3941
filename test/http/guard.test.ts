import { afterEach, describe, expect, test } from "bun:test";
import { assertMay, createConnectionId } from "../../src/http/guard.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { createGuard, createToken } from "../support/tokens.ts";

const clock = new ManualClock(Date.now() + 60_000); // later than any "iat"
const closed = createGuard(clock);
const mixed = createGuard(clock, { anonymous: "read" });
const open = createGuard(clock, { issuers: [] });
afterEach(() => expect(clock.waiting).toBe(3)); // only the sweeps of the sessions

const alice = await createToken({ sub: "alice", name: "Alice", rooms: { hall: ["read"] } });
const bob = await createToken({ sub: "bob" });

function codeOf(act: () => unknown): unknown {
  try {
    return act();
  } catch (thrown) {
    return (thrown as { code?: string }).code;
  }
}

/** Who a request is identified as, or with what code it is refused. */
async function whoIs(headers: Record<string, string>, query = ""): Promise<string> {
  const request = new Request(`http://localhost/rooms${query}`, { headers });
  return mixed.guard.identify(request, "c1").then(
    ({ user }) => user.id,
    (error) => error.code,
  );
}

test("connection ids are 12 signs, each as likely as any other, and do not repeat", () => {
  const counts = new Map<string, number>();
  const ids = new Set<string>();
  for (let index = 0; index < 6_000; index += 1) {
    const id = createConnectionId();
    expect(id).toMatch(/^[0-9a-z]{12}$/);
    ids.add(id);
    for (const sign of id) counts.set(sign, (counts.get(sign) ?? 0) + 1);
  }
  expect(ids.size).toBe(6_000);
  // 72,000 signs: 2,000 of each, give or take; six standard deviations are about 270.
  expect(counts.size).toBe(36);
  for (const count of counts.values()) expect(Math.abs(count - 2_000)).toBeLessThan(270);
});

describe("a token", () => {
  test("is found in the header, in the query and among the subprotocols", async () => {
    expect(await whoIs({ authorization: `Bearer ${alice}` })).toBe("alice");
    expect(await whoIs({ authorization: `bearer  ${alice}` })).toBe("alice");
    expect(await whoIs({}, `?access_token=${alice}`)).toBe("alice");
    expect(await whoIs({}, `?a=1&access%5Ftoken=${alice}`)).toBe("alice");
    expect(await whoIs({ "sec-websocket-protocol": `bearer.${alice}` })).toBe("alice");
    expect(await whoIs({ "sec-websocket-protocol": `partyline.v1 ,bearer.${alice}` })).toBe(
      "alice",
    );
  });

  test("may be said twice, but two of them are refused wherever they stand", async () => {
    const header = { authorization: `Bearer ${alice}` };
    const subprotocol = { "sec-websocket-protocol": `bearer.${alice}` };
    expect(await whoIs({ ...header, ...subprotocol }, `?access_token=${alice}`)).toBe("alice");
    for (const refused of [
      whoIs(header, `?access_token=${bob}`),
      whoIs({ ...header, "sec-websocket-protocol": `bearer.${bob}` }),
      whoIs(subprotocol, `?access_token=${bob}`),
      whoIs({}, `?access_token=${alice}&access_token=${bob}`),
      whoIs({ "sec-websocket-protocol": `bearer.${alice}, bearer.${bob}` }),
      whoIs({ authorization: `Bearer ${alice}, Bearer ${bob}` }),
    ]) {
      expect(await refused).toBe("unauthenticated");
    }
  });

  test("that is none makes nobody anonymous", async () => {
    for (const refused of [
      whoIs({ authorization: "Bearer" }),
      whoIs({ authorization: `Bearer ${alice} ${alice}` }),
      whoIs({ authorization: "Bearer nonsense" }),
      whoIs({}, "?access_token="),
      whoIs({}, "?access_token"),
      whoIs({ "sec-websocket-protocol": "bearer." }),
    ]) {
      expect(await refused).toBe("unauthenticated");
    }
  });

  test("is not looked for in what other schemes and names hold", async () => {
    expect(await whoIs({})).toBe("~c1");
    expect(await whoIs({ authorization: "Basic YTpi" })).toBe("~c1");
    expect(await whoIs({ authorization: `Bearers ${alice}` })).toBe("~c1");
    expect(await whoIs({}, `?x=access_token&token=${alice}`)).toBe("~c1");
    expect(await whoIs({ "sec-websocket-protocol": "partyline.v1" })).toBe("~c1");
  });

  test("gives its user, its grant, and no reason to ask for another", async () => {
    const identity = await closed.guard.authenticate(alice);
    expect(identity.user).toEqual({ id: "alice", name: "Alice" });
    expect(identity.mayAuthenticate).toBe(false);
    expect(assertMay(identity, "read", "hall")).toBe("hall");
    expect(codeOf(() => assertMay(identity, "write", "hall"))).toBe("forbidden");
    expect(codeOf(() => assertMay(identity, "read", "attic"))).toBe("forbidden");
  });
});

describe("whoever gave no token", () => {
  test("is anonymous under the id of the connection", () => {
    const { user, token, mayAuthenticate } = open.guard.identifyAnonymous("x");
    expect(user).toEqual({ id: "~x", name: "anonymous" });
    expect([token, mayAuthenticate]).toEqual([null, false]);
  });

  test("may read and write where there is no key, but only read the server's own rooms", () => {
    const identity = open.guard.identifyAnonymous("x");
    expect(assertMay(identity, "write", "general")).toBe("general");
    expect(assertMay(identity, "read", "$clock")).toBe("$clock");
    expect(codeOf(() => assertMay(identity, "write", "$clock"))).toBe("forbidden");
    expect(codeOf(() => assertMay(identity, "upload", "$clock"))).toBe("forbidden");
    expect(codeOf(() => assertMay(identity, "admin", "general"))).toBe("forbidden");
    expect(codeOf(() => assertMay(identity, "read", "no room"))).toBe("invalid_room");
    expect(codeOf(() => assertMay(identity, "read", null))).toBe("invalid_room");
  });

  test("is asked for one where it could allow more, and only there", () => {
    const nobody = closed.guard.identifyAnonymous("x");
    expect(codeOf(() => assertMay(nobody, "read", "hall"))).toBe("unauthenticated");
    expect(codeOf(() => assertMay(nobody, "read", "$clock"))).toBe("unauthenticated");
    expect(codeOf(() => assertMay(nobody, "write", "$clock"))).toBe("forbidden");
    const reader = mixed.guard.identifyAnonymous("x");
    expect(assertMay(reader, "read", "hall")).toBe("hall");
    expect(codeOf(() => assertMay(reader, "write", "hall"))).toBe("unauthenticated");
  });
});
