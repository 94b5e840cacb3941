/** A new certificate while the server runs: when its files change, and when somebody asks. */

import { stat } from "node:fs/promises";
import type { Log } from "../telemetry/log.ts";
import { loadCertificate, type TlsConfig } from "./certificate.ts";
import { type Certificate, type Listening, StartError } from "./listen.ts";

/** What is watched, and who takes what was found. */
export interface WatchOptions {
  readonly config: TlsConfig;
  /** What is shown now. */
  readonly certificate: Certificate;
  readonly listening: Pick<Listening, "renew">;
  readonly log: Pick<Log, "info" | "error">;
  /** Milliseconds between two looks at the files. */
  readonly everyMs?: number;
}

/**
 * Renewals write one file after the other, put folders of links in place of others, or come over a
 * network: asking for the files' dates every few seconds sees them all, and no notification does.
 */
const usualEveryMs = 2_000;

/** Looks at the files until it is closed, which may be done twice. */
export class CertificateWatch {
  readonly #options: WatchOptions;
  readonly #paths: readonly string[];
  readonly #timer: ReturnType<typeof setInterval>;
  #current: Certificate;
  /** What the files looked like when they were last read, and at the last look. */
  #read: string | undefined;
  #seen: string | undefined;
  #turn: Promise<void>;

  constructor(options: WatchOptions) {
    const { tlsCert, tlsKey, tlsClientCa } = options.config;
    this.#options = options;
    this.#current = options.certificate;
    this.#paths = [tlsCert, tlsKey, tlsClientCa].filter((path) => path !== null);
    this.#turn = this.#describe().then((found) => {
      this.#read = found;
      this.#seen = found;
    });
    this.#timer = setInterval(() => this.#enqueue(() => this.#look()), this.#everyMs);
    this.#timer.unref();
  }

  /** Reads the files now, and says in the log what came of it. Never rejects. */
  reload(): Promise<void> {
    return this.#enqueue(async () => {
      this.#read = await this.#describe();
      if (!(await this.#load())) this.#options.log.info({}, "The certificate is the one in use.");
    });
  }

  close(): void {
    clearInterval(this.#timer);
  }

  get #everyMs(): number {
    return this.#options.everyMs ?? usualEveryMs;
  }

  #enqueue(act: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(act);
    return this.#turn;
  }

  /** Waits until the files stay as they are from one look to the next: then all are written. */
  async #look(): Promise<void> {
    const found = await this.#describe();
    const isSettled = found === this.#seen;
    this.#seen = found;
    if (!isSettled || found === this.#read) return;
    this.#read = found;
    await this.#load();
  }

  /** Returns false if the files hold what is in use. A file that is no good changes nothing. */
  async #load(): Promise<boolean> {
    const { config, listening, log } = this.#options;
    try {
      const next = await loadCertificate(config);
      const { cert, key, clientCa } = this.#current;
      if (next === null) return false;
      if (next.cert === cert && next.key === key && next.clientCa === clientCa) return false;
      listening.renew(next);
      this.#current = next;
      log.info({}, "A new certificate is in use; connections that are open stay open.");
    } catch (thrown) {
      const reason = thrown instanceof StartError ? ` ${thrown.message}` : "";
      const detail = thrown instanceof StartError ? {} : { err: thrown };
      log.error(detail, `The certificate in use was not replaced.${reason}`);
    }
    return true;
  }

  async #describe(): Promise<string> {
    const marks = this.#paths.map(async (path) => {
      try {
        const { ino, size, mtimeMs } = await stat(path);
        return `${ino}:${size}:${mtimeMs}`;
      } catch {
        return "missing"; // said when it is to be read
      }
    });
    return (await Promise.all(marks)).join(" ");
  }
}
