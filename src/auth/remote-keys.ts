/** The public keys of an issuer that publishes them at a URL: fetched, kept, and changed with it. */

import type { Clock } from "../hub/ports.ts";
import { PartylineError } from "../protocol/errors.ts";
import { isJsonObject } from "./strict-json.ts";
import { keysMax, readJwk, type VerificationKey } from "./verification-key.ts";

/** Gives the keys that may have signed a token which names the key `id`, or none. */
export interface KeySource {
  find(id: string | null): Promise<readonly VerificationKey[]>;
}

/** What keys at a URL are read with. */
export interface RemoteKeysOptions {
  readonly url: string;
  readonly clock: Clock;
  /** `fetch` of the runtime where left out. */
  readonly request?: (url: string, init: RequestInit) => Promise<Response>;
  /** Milliseconds after which a fetch is given up; 5 s where left out. */
  readonly timeoutMs?: number;
  /** Hears why a fetch failed, for the server's log. */
  readonly onFailure?: (error: unknown) => void;
}

/** Milliseconds for which fetched keys are used without asking again: so long a withdrawn key lives. */
export const freshMs = 300_000;
/** Milliseconds for which they are used while the issuer does not answer. */
export const staleMsMax = 3_600_000;
/** Milliseconds between two fetches, however many unknown key ids come in between. */
export const coolDownMs = 30_000;
/** Bytes of the answer. */
export const answerBytesMax = 262_144;

const timeoutMsUsual = 5_000;

/** Keys at a URL. Nothing is fetched before the first token; all who wait share one fetch. */
export class RemoteKeys implements KeySource {
  readonly #options: RemoteKeysOptions;
  #keys: readonly VerificationKey[] = [];
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #triedAt = Number.NEGATIVE_INFINITY;
  #fetching: Promise<void> | null = null;

  constructor(options: RemoteKeysOptions) {
    this.#options = options;
  }

  /** @throws unavailable when the issuer does not answer and its last answer is too old */
  async find(id: string | null): Promise<readonly VerificationKey[]> {
    const isKnown = id === null || this.#keys.some((key) => key.id === id || key.id === null);
    if (this.#age(this.#fetchedAt) >= freshMs || !isKnown) await this.#refresh();
    if (this.#age(this.#fetchedAt) < staleMsMax) return this.#keys;
    const retryAfterMs = Math.max(1_000, coolDownMs - this.#age(this.#triedAt));
    const text = "The keys that tokens are verified with cannot be fetched.";
    throw new PartylineError("unavailable", text, retryAfterMs);
  }

  #refresh(): Promise<void> {
    if (this.#fetching !== null) return this.#fetching;
    if (this.#age(this.#triedAt) < coolDownMs) return Promise.resolve();
    this.#triedAt = this.#options.clock.now();
    this.#fetching = this.#fetch()
      .then((keys) => {
        this.#keys = keys;
        this.#fetchedAt = this.#options.clock.now();
      })
      .catch((error) => this.#options.onFailure?.(error))
      .finally(() => {
        this.#fetching = null;
      });
    return this.#fetching;
  }

  async #fetch(): Promise<readonly VerificationKey[]> {
    const { url, request = fetch, timeoutMs = timeoutMsUsual } = this.#options;
    const response = await request(url, {
      headers: { accept: "application/jwk-set+json, application/json" },
      // A redirect could lead to plain HTTP, or into the network that the server stands in.
      redirect: "error",
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Error(`${url} answered ${response.status}.`);
    }
    const value: unknown = JSON.parse(await readBounded(response, url));
    if (!isJsonObject(value) || !Array.isArray(value.keys)) {
      throw new Error(`${url} gave no JWK set.`);
    }
    return value.keys.slice(0, keysMax).flatMap((member) => {
      try {
        return [readJwk(member, url)];
      } catch {
        return []; // RFC 7517 section 5: a set may hold keys that its reader does not understand.
      }
    });
  }

  /** A clock that was set back must not keep old keys alive: such an age is endless. */
  #age(at: number): number {
    const age = this.#options.clock.now() - at;
    return age < 0 ? Number.POSITIVE_INFINITY : age;
  }
}

async function readBounded(response: Response, url: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > answerBytesMax) throw new Error(`${url} gave more than ${answerBytesMax} bytes.`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
