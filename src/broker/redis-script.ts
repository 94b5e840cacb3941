/** What Redis runs in one piece. */

/** A script in Lua. It is sent as a whole once, then by its SHA-1. Make one object a script. */
export interface RedisScript {
  /** For people. */
  readonly name: string;
  readonly lua: string;
}

/** Names a script as Redis does. */
export function toScriptHash({ lua }: RedisScript): string {
  return new Bun.CryptoHasher("sha1").update(lua).digest("hex");
}
