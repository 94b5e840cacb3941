/** A server of its own: the house, and what listens for it. */

import type { Config } from "./config.ts";
import { type House, openHouse } from "./house.ts";
import { loadCertificate } from "./http/certificate.ts";
import { CertificateWatch } from "./http/certificate-watch.ts";
import { type Listening, listen } from "./http/listen.ts";
import { createConfiguredLog } from "./opening.ts";

/** A server that was put together. It starts once and stops once. */
export interface PartylineServer {
  /** @throws StartError, StoreError, ConfigError with a message to show */
  start(): Promise<Listening>;
  /** Reads the certificate again, for whoever connects from now on. Does nothing without TLS. */
  reload(): Promise<void>;
  /** Sends everybody away, stores what is under way, closes everything in reverse order. */
  stop(): Promise<void>;
  /** Logs a defect that nobody caught. */
  report(defect: unknown): void;
  /** Logs a line of level `info`, with fields. */
  note(fields: object, text: string): void;
}

/** Puts a server together from a configuration. Nothing is opened before `start`. */
export function createServer(config: Config): PartylineServer {
  const log = createConfiguredLog(config);
  let house: House | undefined;
  let watch: CertificateWatch | undefined;
  return {
    async start() {
      const certificate = await loadCertificate(config);
      house = await openHouse(config, log);
      try {
        const listening = listen(house.app, config, certificate);
        house.attach(listening.server);
        if (certificate !== null) {
          watch = new CertificateWatch({ config, certificate, listening, log });
        }
        return listening;
      } catch (thrown) {
        await house.close();
        throw thrown;
      }
    },
    async reload() {
      await watch?.reload();
    },
    async stop() {
      watch?.close();
      await house?.close();
    },
    report(defect) {
      log.error({ err: defect }, "A defect that nobody caught.");
    },
    note: (fields, text) => log.info(fields, text),
  };
}
