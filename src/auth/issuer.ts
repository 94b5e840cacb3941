/** Whom tokens are taken from: what is configured, and the keys that it leads to. */

import type { Clock } from "../hub/ports.ts";
import { readKeyFile, readSecretFile } from "./key-file.ts";
import { type KeySource, RemoteKeys } from "./remote-keys.ts";
import type { Secret } from "./secret.ts";
import { readPublicKeys, toSecretKey, type VerificationKey } from "./verification-key.ts";

/** Where the keys of an issuer are. Paths are absolute. */
export type KeyPlace =
  | { readonly kind: "secret"; readonly secret: Secret }
  | { readonly kind: "secret-file"; readonly path: string }
  | { readonly kind: "public-key"; readonly path: string }
  | { readonly kind: "jwks-url"; readonly url: string };

/** One issuer as it is configured. Null where tokens need no `iss`, or no `aud`. */
export interface IssuerSettings {
  readonly key: KeyPlace;
  readonly issuer: string | null;
  readonly audience: string | null;
}

/** One issuer with its keys. */
export interface Issuer {
  readonly name: string | null;
  readonly audience: string | null;
  readonly keys: KeySource;
}

/** Issuers, and sentences for whoever starts the server. */
export interface LoadedIssuers {
  readonly issuers: readonly Issuer[];
  readonly warnings: readonly string[];
}

/**
 * Reads the key files of issuers. Keys at a URL are fetched when the first token asks for them;
 * `onFailure` hears why that failed.
 * @throws KeyError
 */
export function loadIssuers(
  settings: readonly IssuerSettings[],
  clock: Clock,
  onFailure?: (error: unknown) => void,
): LoadedIssuers {
  const warnings: string[] = [];
  const issuers = settings.map(({ key, issuer, audience }) => ({
    name: issuer,
    audience,
    keys: open(key),
  }));
  return { issuers, warnings };

  function open(place: KeyPlace): KeySource {
    switch (place.kind) {
      case "secret":
        return fixed([toSecretKey(place.secret)]);
      case "secret-file": {
        const { secret, warning } = readSecretFile(place.path, "the secret of tokens");
        if (warning !== null) warnings.push(warning);
        return fixed([toSecretKey(secret)]);
      }
      case "public-key": {
        const { bytes } = readKeyFile(place.path, "the public key of tokens", false);
        const name = `${place.path} (the public key of tokens)`;
        return fixed(readPublicKeys(new TextDecoder().decode(bytes), name));
      }
      case "jwks-url":
        return new RemoteKeys({ url: place.url, clock, ...(onFailure && { onFailure }) });
      default:
        return place satisfies never;
    }
  }
}

function fixed(keys: readonly VerificationKey[]): KeySource {
  return { find: () => Promise.resolve(keys) };
}
