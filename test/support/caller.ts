/** Everybody who may stand at a door: with no token, with a bad one, with too little, with enough. */

import { audience, createToken, inSeconds } from "./tokens.ts";

/** What a caller's token is worth in the room that is asked for. */
export type Worth = "none" | "refused" | "elsewhere" | "read" | "write" | "admin";

/** Somebody who asks. `token` is null for somebody who has none. */
export interface Caller {
  readonly name: string;
  readonly worth: Worth;
  readonly token: string | null;
}

/** The `jti` that the tests revoke. */
export const revokedId = "a-revoked-token";

/** Makes one caller of each kind, with tokens for `room`. */
export async function createCallers(room: string): Promise<readonly Caller[]> {
  const all = { "*": ["read", "write", "presence", "upload", "admin"] };
  const refused = "refused";
  const sign = async (name: string, worth: Worth, claims: object, secret?: string) => {
    return { name, worth, token: await createToken({ sub: name, ...claims }, secret) };
  };
  const other = "another secret that is long enough for HS256";
  return [
    { name: "nobody", worth: "none", token: null },
    { name: "garbage", worth: refused, token: "not.a.token" },
    { name: "unsigned", worth: refused, token: toUnsigned("unsigned", all) },
    await sign("forged", refused, { rooms: all }, other),
    await sign("expired", refused, { rooms: all, iat: inSeconds(-3_700), exp: inSeconds(-3_600) }),
    await sign("misdirected", refused, { rooms: all, aud: "somebody-else" }),
    await sign("revoked", refused, { rooms: all, jti: revokedId }),
    await sign("grantless", "elsewhere", {}),
    await sign("stranger", "elsewhere", { rooms: { elsewhere: ["read", "write", "admin"] } }),
    await sign("reader", "read", { rooms: { [room]: ["read"] } }),
    await sign("writer", "write", { rooms: { [room]: ["write"] } }),
    await sign("admin", "admin", { rooms: all }),
  ];
}

/** RFC 7519, section 6: a token that nobody signed. */
function toUnsigned(sub: string, rooms: object): string {
  const claims = { sub, rooms, aud: audience, exp: inSeconds(3_600) };
  const parts = [{ alg: "none", typ: "JWT" }, claims].map((part) => {
    return Buffer.from(JSON.stringify(part)).toString("base64url");
  });
  return `${parts.join(".")}.`;
}
