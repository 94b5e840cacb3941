/** Why a server cannot be reached, in a sentence that says what to change. */

import type { Target } from "./connection-options.ts";

/** `isLasting` tells that no waiting will help. */
export interface Obstacle {
  readonly sentence: string;
  readonly isLasting: boolean;
}

const withinMs = 3_000;

/** Asks the server for a sign of life. Undefined when it gives one, or nobody can tell. */
export async function findObstacle({ url, options }: Target): Promise<Obstacle | undefined> {
  try {
    const response = await options.fetch(`${url}/livez`, { signal: AbortSignal.timeout(withinMs) });
    await response.body?.cancel();
    // A server that is about to leave, and a proxy whose server is away, answer with 5xx.
    if (response.ok || response.status >= 500) return undefined;
    const sentence = `What answers at ${url} is no Partyline server (${response.status} for /livez).`;
    return { sentence, isLasting: false };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    const reason = error instanceof Error ? error.message : "";
    return explain(code, reason, url);
  }
}

function explain(code: string, reason: string, address: string): Obstacle | undefined {
  const { host, hostname, protocol } = new URL(address);
  const passing = (sentence: string): Obstacle => ({ sentence, isLasting: false });
  const isSecure = protocol === "https:";
  switch (code) {
    case "ECONNREFUSED":
      return passing(`Nothing listens at ${address}.`);
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return passing(`No computer by the name of ${hostname} can be found.`);
    case "EPROTO":
      return passing(`What listens at ${host} speaks no TLS; is it http:// there?`);
    case "ECONNRESET":
      return isSecure
        ? undefined
        : passing(`What listens at ${host} hung up; is it https:// there?`);
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return lasting(`The certificate at ${host} is for another name than ${hostname}.`);
    case "CERT_HAS_EXPIRED":
      return lasting(`The certificate at ${host} has run out.`);
    default:
      if (!isSecure || !/CERT|ISSUER|VERIFY|SIGNATURE/.test(code)) return undefined;
      return lasting(`The certificate at ${host} is not trusted (${reason}).`);
  }
}

function lasting(sentence: string): Obstacle {
  const advice = "Give --ca with a certificate to trust, or --insecure to try things out.";
  return { sentence: `${sentence} ${advice}`, isLasting: true };
}
