import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type AuthSettings, createAuthenticator } from "../../src/auth/authenticator.ts";
import { KeyError } from "../../src/auth/key-error.ts";
import { Revocations } from "../../src/auth/revocations.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { createTemporaryFolder, type TemporaryFolder } from "../support/temporary-folder.ts";
import * as keys from "./keys.ts";

let clock: ManualClock;
let revocations: Revocations;
let folder: TemporaryFolder;

beforeEach(() => {
  clock = new ManualClock(keys.now);
  revocations = new Revocations(clock);
  folder = createTemporaryFolder();
});
afterEach(() => folder[Symbol.dispose]());

function open(settings: Partial<AuthSettings> = {}) {
  const key = { kind: "secret", secret: keys.secret } as const;
  const issuers = [{ key, issuer: null, audience: null }];
  const full = { issuers, anonymous: null, tokenLeewayMs: 5_000, ...settings };
  return createAuthenticator(full, revocations, clock);
}

function codeOf(pending: Promise<unknown>): Promise<unknown> {
  return pending.then(
    () => "accepted",
    (error) => `${error.code}: ${error.message}`,
  );
}

const claims = { sub: "alice", jti: "t1", iat: keys.nowSeconds, exp: keys.nowSeconds + 60 };

test("without a key everything is open, and no token is taken", async () => {
  const authenticator = open({ issuers: [] });
  expect(authenticator.isOpen).toBe(true);
  expect(authenticator.anonymous.may("write", "general")).toBe(true);
  expect(await codeOf(authenticator.authenticate(keys.toHmacToken(claims)))).toStartWith(
    "unauthenticated: This server takes no tokens",
  );
});

test("with a key nobody may do anything without a token, unless it is said", () => {
  expect(open().isOpen).toBe(false);
  expect(open().anonymous.may("read", "general")).toBe(false);
  expect(open({ anonymous: "read:public-*" }).anonymous.may("read", "public-1")).toBe(true);
});

test("a token is asked about each time: it expires, and it can be revoked", async () => {
  const authenticator = open();
  const token = keys.toHmacToken(claims);
  const verified = await authenticator.authenticate(token);
  expect(authenticator.isRevoked(verified)).toBe(false);
  let heard = 0;
  authenticator.onRevoked(() => {
    heard += 1;
  });
  revocations.revokeToken("t1", verified.expiresAt);
  expect([heard, authenticator.isRevoked(verified)]).toEqual([1, true]);
  expect(await codeOf(authenticator.authenticate(token))).toBe(
    "unauthenticated: The token was revoked.",
  );
  clock.advance(65_000);
  expect(await codeOf(authenticator.authenticate(token))).toContain("expired at");
});

test("a revocation while a token is being verified is not too late", async () => {
  const pending = codeOf(open().authenticate(keys.toHmacToken(claims)));
  revocations.revokeUser("alice", keys.now + 1);
  expect(await pending).toBe("unauthenticated: The token was revoked.");
});

test("key files are read at the start, with a warning about those that others may read", async () => {
  const secretPath = join(folder.path, "secret");
  const publicPath = join(folder.path, "key.pem");
  writeFileSync(secretPath, `${keys.secretText}\n`);
  chmodSync(secretPath, 0o644);
  writeFileSync(publicPath, keys.toPem(keys.p256.publicKey));
  const authenticator = open({
    issuers: [
      { key: { kind: "secret-file", path: secretPath }, issuer: "a", audience: null },
      { key: { kind: "public-key", path: publicPath }, issuer: "b", audience: null },
    ],
  });
  expect(authenticator.warnings).toHaveLength(1);
  expect(authenticator.warnings[0]).toContain(secretPath);
  const one = keys.toHmacToken({ ...claims, iss: "a" });
  const two = keys.toEcToken({ ...claims, iss: "b" }, keys.p256.privateKey, "ieee-p1363");
  expect((await authenticator.authenticate(one)).issuer).toBe("a");
  expect((await authenticator.authenticate(two)).issuer).toBe("b");
});

test("a key file that cannot be used keeps it from starting", () => {
  const path = join(folder.path, "missing");
  for (const kind of ["secret-file", "public-key"] as const) {
    const issuers = [{ key: { kind, path }, issuer: null, audience: null }];
    expect(() => open({ issuers })).toThrow(KeyError);
  }
});
