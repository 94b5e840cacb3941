/**
 * A thread that moves a store's write-ahead log into its file, so that the copying and flushing never
 * hold the event loop. It is started from its own text (see `checkpoints.ts`) and so imports nothing
 * but what Bun brings along.
 */

import { Database } from "bun:sqlite";

declare const self: Worker;

let database: Database | undefined;

self.onmessage = ({ data }: MessageEvent<{ path: string } | "close">) => {
  try {
    if (data === "close") {
      database?.close(true);
      self.onmessage = null;
      postMessage("closed");
      return;
    }
    database ??= new Database(data.path, { readwrite: true, create: false });
    database.query("PRAGMA wal_checkpoint(PASSIVE)").values();
    postMessage("done");
  } catch (error) {
    const { message } = error instanceof Error ? error : new Error(String(error));
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    postMessage({ code, message });
  }
};
