/** A server of its own: the house, and what listens for it. */

import type { Config } from "./config.ts";
import { type House, openHouse } from "./house.ts";
import { loadCertificate } from "./http/certificate.ts";
import { CertificateWatch } from "./http/certificate-watch.ts";
import { type Listening, type ListenOptions, listen, StartError } from "./http/listen.ts";
import type { Listener } from "./http/listener.ts";
import type { Colleagues } from "./overview.ts";
import { createProcessLog } from "./telemetry/log.ts";
import type { MeterSnapshots } from "./telemetry/meter-sum.ts";

export type { Colleagues } from "./overview.ts";

/** A server that was put together. It starts once and stops once. */
export interface PartylineServer {
  /**
   * Begins to listen, unless it is stopped before.
   * @throws StartError, StoreError, ConfigError with a message to show
   */
  start(): Promise<Listening>;
  /** Reads the certificate again, for whoever connects from now on. Does nothing without TLS. */
  reload(): Promise<void>;
  /**
   * Sends everybody away, stores what is under way, closes everything in reverse order. With
   * `isReplaced` it closes its port first: others listen on it already. One that starts yet closes
   * what it has opened, and listens no more.
   */
  stop(isReplaced?: boolean): Promise<void>;
  /** Logs a defect that nobody caught. */
  report(defect: unknown): void;
  /** Logs a line of level `info`, with fields. */
  note(fields: object, text: string): void;
  /** Takes down what its meters show; nothing before `start`. */
  takeMeters(): Promise<MeterSnapshots>;
}

/**
 * Puts a server together from a configuration. Nothing is opened before `start`. With `colleagues` it
 * shares its port with others, and `sharing` says how it comes to it.
 */
export function createServer(
  config: Config,
  colleagues: Colleagues | null = null,
  sharing: ListenOptions["sharing"] = undefined,
): PartylineServer {
  const log = createProcessLog(config, colleagues === null ? {} : { worker: colleagues.worker });
  let house: House | undefined;
  let listener: Listener | undefined;
  let watch: CertificateWatch | undefined;
  let starting: Promise<Listening> | undefined;
  let isStopping = false;
  const assertWanted = () => {
    if (isStopping) throw new StartError("The server was stopped as it started.");
  };
  return {
    start() {
      starting = start();
      return starting;
    },
    async reload() {
      await watch?.reload();
    },
    async stop(isReplaced = false) {
      isStopping = true;
      await starting?.catch(() => {}); // whoever started it hears of it
      watch?.close();
      if (isReplaced) {
        house?.replace();
        await listener?.retire();
      }
      await house?.close();
    },
    report(defect) {
      log.error({ err: defect }, "A defect that nobody caught.");
    },
    note: (fields, text) => log.info(fields, text),
    takeMeters: async () => (await house?.takeMeters()) ?? [],
  };

  async function start(): Promise<Listening> {
    assertWanted();
    const certificate = await loadCertificate(config);
    assertWanted();
    house = await openHouse(config, log, colleagues);
    try {
      assertWanted();
      const listening = listen(
        house.app,
        sharing === undefined ? config : { ...config, sharing },
        certificate,
      );
      listener = listening.server;
      house.attach(listener);
      if (certificate !== null) {
        watch = new CertificateWatch({ config, certificate, listening, log });
      }
      return listening;
    } catch (thrown) {
      await house.close();
      throw thrown;
    }
  }
}
