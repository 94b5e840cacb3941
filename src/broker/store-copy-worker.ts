/**
 * A thread that copies a store, so that its process can show how far it is and hear a signal. It is
 * started from its own text (see `store-copy.ts`) and so imports nothing but what Bun brings along.
 */

import { Database } from "bun:sqlite";

declare const self: Worker;

self.onmessage = ({ data }: MessageEvent<{ from: string; to: string }>) => {
  try {
    const database = new Database(data.from, { readonly: true });
    database.run("PRAGMA busy_timeout = 5000");
    database.query("VACUUM INTO ?").run(data.to);
    database.close(true);
    postMessage(null);
  } catch (error) {
    const { message } = error instanceof Error ? error : new Error(String(error));
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    postMessage({ code, message });
  }
};
