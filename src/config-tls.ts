/** The part of the configuration that is about TLS. */

import type { Settings } from "./config-keys.ts";
import type { Broken } from "./config-source.ts";

export interface TlsSettings {
  /** Both null when there is no certificate. */
  readonly tlsCert: string | null;
  readonly tlsKey: string | null;
  readonly tlsSelfSigned: boolean;
  readonly tlsMinVersion: Settings["tls-min-version"];
  /** A file; null asks clients for no certificate. */
  readonly tlsClientCa: string | null;
  /** 0 sends no Strict-Transport-Security. */
  readonly hstsMs: number;
  readonly http3: boolean;
}

const missing = "needs TLS; give tls-cert and tls-key, or tls-self-signed.";

/** What no key about TLS can say about itself alone. */
export const tlsRules: readonly ((config: TlsSettings) => Broken | undefined)[] = [
  ({ tlsCert, tlsKey }) => {
    if ((tlsCert === null) === (tlsKey === null)) return undefined;
    return tlsKey === null
      ? { keys: ["tls-cert"], sentence: "needs tls-key beside it; give both files, or neither." }
      : { keys: ["tls-key"], sentence: "needs tls-cert beside it; give both files, or neither." };
  },
  ({ tlsCert, tlsSelfSigned }) =>
    tlsCert !== null && tlsSelfSigned
      ? {
          keys: ["tls-self-signed", "tls-cert"],
          sentence: "would make a certificate, but tls-cert names one; give one of the two.",
        }
      : undefined,
  (config) =>
    config.http3 && !hasTls(config) ? { keys: ["http3"], sentence: missing } : undefined,
  (config) =>
    config.tlsClientCa !== null && !hasTls(config)
      ? { keys: ["tls-client-ca"], sentence: missing }
      : undefined,
  ({ hstsMs, tlsCert }) =>
    hstsMs > 0 && tlsCert === null
      ? {
          keys: ["hsts"],
          sentence:
            "would bind browsers to TLS that this server does not speak, or to a certificate that " +
            "they do not trust; give tls-cert and tls-key, or leave it to the proxy.",
        }
      : undefined,
];

export function toTlsSettings(settings: Settings): TlsSettings {
  return {
    tlsCert: settings["tls-cert"],
    tlsKey: settings["tls-key"],
    tlsSelfSigned: settings["tls-self-signed"],
    tlsMinVersion: settings["tls-min-version"],
    tlsClientCa: settings["tls-client-ca"],
    hstsMs: settings.hsts,
    http3: settings.http3,
  };
}

/** Tells whether the server itself speaks TLS. */
export function hasTls({
  tlsCert,
  tlsSelfSigned,
}: Pick<TlsSettings, "tlsCert" | "tlsSelfSigned">): boolean {
  return tlsCert !== null || tlsSelfSigned;
}
