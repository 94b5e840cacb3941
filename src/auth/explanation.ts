/** What a token says, in words, and whether a configuration accepts it. */

import type { Clock } from "../hub/ports.ts";
import { PartylineError } from "../protocol/errors.ts";
import { type AuthSettings, createAuthenticator } from "./authenticator.ts";
import { type Compact, parseCompact } from "./compact.ts";
import { Revocations } from "./revocations.ts";
import { TokenRefusal } from "./token-refusal.ts";

const second = { size: 1_000, name: "second" };
const units = [
  { size: 86_400_000, name: "day" },
  { size: 3_600_000, name: "hour" },
  { size: 60_000, name: "minute" },
];

/** An explanation, with a line break at its end, and sentences about the key files. */
export interface Explained {
  readonly explanation: string;
  readonly warnings: readonly string[];
  readonly isAccepted: boolean;
}

/**
 * Explains a token to whoever runs the server. Revocations are not looked at: they are in the store
 * of the running server. `now` is milliseconds since 1970.
 * @throws KeyError when a key file cannot be used
 */
export async function explainToken(
  text: string,
  settings: AuthSettings,
  now: number,
): Promise<Explained> {
  const clock: Clock = { now: () => now, after: () => () => {} };
  let failure: string | null = null;
  const authenticator = createAuthenticator(settings, new Revocations(clock), clock, (error) => {
    failure = error instanceof Error ? error.message : String(error);
  });
  const rows: [label: string, text: string][] = [];
  let isAccepted = false;
  try {
    rows.push(...describe(parseCompact(text), now));
    const { user } = await authenticator.authenticate(text);
    isAccepted = true;
    rows.push(["accepted", `yes, as ${show(user.id)}, called ${show(user.name)}`]);
    rows.push(["", "whether it was revoked only the running server knows"]);
  } catch (error) {
    if (!(error instanceof PartylineError)) throw error;
    rows.push(["accepted", `no: ${printable(failure ?? error.message)}`]);
    const reason = error instanceof TokenRefusal ? error.reason : error.message;
    if (reason !== error.message) rows.push(["because", printable(reason)]);
  }
  const explanation = rows.map(([label, value]) => `${label.padEnd(9)}${value}\n`).join("");
  return { explanation, warnings: authenticator.warnings, isAccepted };
}

function describe({ header, claims }: Compact, now: number): [string, string][] {
  const rows: [string, string][] = [
    ["header", show(header)],
    ["claims", show(claims)],
  ];
  for (const [claim, label] of [
    ["iat", "issued"],
    ["nbf", "begins"],
    ["exp", "expires"],
  ] as const) {
    const value = claims[claim];
    // Outside of what a date can hold there is nothing to say in words.
    if (typeof value !== "number" || Math.abs(value) > 253_402_300_799) continue;
    const at = Math.floor(value * 1_000);
    rows.push([label, `${new Date(at).toISOString()}, ${inWords(at - now)}`]);
  }
  if (claims.exp === undefined) rows.push(["expires", "never"]);
  return rows;
}

/** Says how far away a time is: `in 57 minutes`, `3 days ago`. */
function inWords(distanceMs: number): string {
  const distance = Math.abs(distanceMs);
  if (distance < 1_000) return "now";
  const { size, name } = units.find((unit) => distance >= unit.size * 2) ?? second;
  const count = Math.round(distance / size);
  const words = `${count} ${name}${count === 1 ? "" : "s"}`;
  return distanceMs < 0 ? `${words} ago` : `in ${words}`;
}

/** Foreign text must not steer the terminal that it is shown on. */
function show(value: unknown): string {
  return printable(JSON.stringify(value));
}

function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (sign) => {
    return `\\u{${(sign.codePointAt(0) ?? 0).toString(16)}}`;
  });
}
