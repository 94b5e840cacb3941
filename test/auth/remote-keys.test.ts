/** Keys at a URL, from a real server: fetched once, changed with it, and never too often. */

import { afterEach, beforeEach, expect, test } from "bun:test";
import { CompactSign } from "jose";
import {
  answerBytesMax,
  coolDownMs,
  freshMs,
  RemoteKeys,
  staleMsMax,
} from "../../src/auth/remote-keys.ts";
import { verifyToken } from "../../src/auth/token.ts";
import { PartylineError } from "../../src/protocol/errors.ts";
import { ManualClock } from "../support/manual-clock.ts";
import * as keys from "./keys.ts";

const first = { ...keys.p256.publicKey.export({ format: "jwk" }), kid: "first" };
const second = { ...keys.p384.publicKey.export({ format: "jwk" }), kid: "second" };

let server: Bun.Server<undefined>;
let answer: () => Response | Promise<Response>;
let fetches: number;
let clock: ManualClock;
let failures: unknown[];

beforeEach(() => {
  fetches = 0;
  failures = [];
  clock = new ManualClock(keys.now);
  answer = () => Response.json({ keys: [first] });
  server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: ({ url }) => {
      if (new URL(url).pathname === "/elsewhere") return Response.json({ keys: [first] });
      fetches += 1;
      return answer();
    },
  });
});
afterEach(() => server.stop(true));

function open(timeoutMs = 5_000) {
  return new RemoteKeys({
    url: `${server.url}jwks`,
    clock,
    timeoutMs,
    onFailure: (error) => failures.push(error),
  });
}

async function idsOf(remote: RemoteKeys, id: string | null): Promise<(string | null)[]> {
  return (await remote.find(id)).map((key) => key.id);
}

async function failureOf(remote: RemoteKeys): Promise<PartylineError> {
  const thrown = await remote.find("first").catch((error: unknown) => error);
  if (thrown instanceof PartylineError) return thrown;
  throw new Error("It gave keys.");
}

test("a token is verified with a key from the URL, and one with another kid is refused", async () => {
  const issuer = { name: null, audience: null, keys: open() };
  const sign = (kid: string) =>
    new CompactSign(new TextEncoder().encode('{"sub":"alice"}'))
      .setProtectedHeader({ alg: "ES256", kid })
      .sign(keys.p256.privateKey);
  const { user } = await verifyToken(await sign("first"), [issuer], keys.now, 0);
  expect(user.id).toBe("alice");
  const refused = verifyToken(await sign("second"), [issuer], keys.now, 0);
  expect(await refused.catch((error) => error.code)).toBe("unauthenticated");
});

test("nothing is fetched before the first token, and all who wait share one fetch", async () => {
  const remote = open();
  expect(fetches).toBe(0);
  const found = await Promise.all(Array.from({ length: 50 }, () => idsOf(remote, "first")));
  expect(found.every(([id]) => id === "first")).toBe(true);
  expect(fetches).toBe(1);
});

test("an unknown kid fetches the keys anew, once in a cool-down", async () => {
  const remote = open();
  await remote.find("first");
  answer = () => Response.json({ keys: [first, second] });
  expect(await idsOf(remote, "second")).toEqual(["first"]);
  expect(fetches).toBe(1);
  clock.advance(coolDownMs);
  expect(await idsOf(remote, "second")).toEqual(["first", "second"]);
  for (let n = 0; n < 100; n += 1) await remote.find(`unknown-${n}`);
  expect(fetches).toBe(2);
});

test("a withdrawn key is used until the keys are no longer fresh, and no longer", async () => {
  const remote = open();
  await remote.find("first");
  answer = () => Response.json({ keys: [second] });
  clock.advance(freshMs - 1);
  expect(await idsOf(remote, "first")).toEqual(["first"]);
  clock.advance(1);
  expect(await idsOf(remote, "first")).toEqual(["second"]);
});

test("while the URL fails the last keys are used, for a bounded time", async () => {
  const remote = open();
  await remote.find("first");
  answer = () => new Response("down", { status: 500 });
  clock.advance(staleMsMax - 1);
  expect(await idsOf(remote, "first")).toEqual(["first"]);
  expect(String(failures[0])).toContain("answered 500");
  clock.advance(1);
  expect((await failureOf(remote)).code).toBe("unavailable");
  const before = fetches;
  for (let n = 0; n < 20; n += 1) await failureOf(remote);
  expect(fetches).toBe(before);
  answer = () => Response.json({ keys: [first] });
  clock.advance(coolDownMs);
  expect(await idsOf(remote, "first")).toEqual(["first"]);
});

test("a clock that is set back does not keep old keys alive", async () => {
  const remote = open();
  await remote.find("first");
  answer = () => Response.json({ keys: [second] });
  clock.advance(-freshMs);
  expect(await idsOf(remote, "first")).toEqual(["second"]);
});

test.each<[string, () => Response]>([
  ["is not JSON", () => new Response("<html>")],
  ["is no JWK set", () => Response.json({ key: [] })],
  ["is too large", () => new Response("x".repeat(answerBytesMax + 1))],
  [
    "unpacks to too much",
    () =>
      new Response(Bun.gzipSync(new Uint8Array(answerBytesMax * 20)), {
        headers: { "content-encoding": "gzip" },
      }),
  ],
  ["leads elsewhere", () => Response.redirect(`${server.url}elsewhere`, 302)],
  ["is an error", () => new Response(null, { status: 404 })],
])("an answer that %s gives no key", async (_, make) => {
  answer = make;
  const { code, message, retryAfterMs } = await failureOf(open());
  expect([code, retryAfterMs]).toEqual(["unavailable", coolDownMs]);
  expect(message).not.toContain("127.0.0.1");
  expect(failures).toHaveLength(1);
});

test("an answer that does not come is given up", async () => {
  answer = () => new Promise(() => {});
  expect((await failureOf(open(50))).code).toBe("unavailable");
});

test("keys that cannot be used are left out: secret, private, weak, of another use, unknown", async () => {
  const weak = { kty: "RSA", n: Buffer.alloc(128, 0xff).toString("base64url"), e: "AQAB" };
  const rest = [
    { kty: "oct", k: keys.encode(keys.secretText), kid: "secret" },
    keys.p256.privateKey.export({ format: "jwk" }),
    { ...weak, kid: "weak" },
    { ...second, use: "enc" },
    { ...second, key_ops: ["encrypt"] },
    { ...second, alg: "ES256" },
    { kty: "OKP", crv: "X25519", x: "AA" },
    { kty: "EC", crv: "P-256", x: "AA", y: "AA" },
    null,
    [],
    "key",
  ];
  answer = () => Response.json({ keys: [...rest, first] });
  expect(await idsOf(open(), null)).toEqual(["first"]);
});
