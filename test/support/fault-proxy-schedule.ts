/** What happens to a proxy and its server, one step after the other. */

import type { FaultProxy } from "./fault-proxy.ts";
import { type Cut, type Faults, faultless } from "./fault-proxy-faults.ts";

/** One step, for `forMs`; then it is undone, and nothing happens for `restMs`. */
export type FaultStep = { readonly forMs: number; readonly restMs: number } & (
  | { readonly act: "cut"; readonly how: Cut }
  /** Ends one of the lines. */
  | { readonly act: "cut one"; readonly how: Cut; readonly index: number }
  /** All lines are dead, and at the end they are reset. */
  | { readonly act: "kill" }
  /** All lines stand still, and at the end all is passed on. */
  | { readonly act: "hold" }
  /** Faults that count until the end; `cuts` also ends the lines that are there, so that new ones come. */
  | { readonly act: "set"; readonly faults: Partial<Faults>; readonly cuts: boolean }
  /** The server stops, and at the end it starts again. */
  | { readonly act: "restart" }
);

/** A server that can go and come back on its port with its data. */
export interface Restartable {
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Runs the steps; afterwards the proxy is healed and the server runs. */
export async function runSchedule(
  steps: readonly FaultStep[],
  proxy: FaultProxy,
  server: Restartable,
): Promise<void> {
  for (const step of steps) {
    await runStep(step, proxy, server);
    await Bun.sleep(step.restMs);
  }
  proxy.heal();
}

async function runStep(step: FaultStep, proxy: FaultProxy, server: Restartable): Promise<void> {
  switch (step.act) {
    case "cut":
      proxy.cut(step.how);
      return Bun.sleep(step.forMs);
    case "cut one": {
      const { lines } = proxy;
      lines[step.index % Math.max(1, lines.length)]?.cut(step.how);
      return Bun.sleep(step.forMs);
    }
    case "kill":
      proxy.kill();
      await Bun.sleep(step.forMs);
      return proxy.cut();
    case "hold":
      proxy.hold();
      await Bun.sleep(step.forMs);
      return proxy.release();
    case "set":
      Object.assign(proxy.faults, step.faults);
      if (step.cuts) proxy.cut();
      await Bun.sleep(step.forMs);
      Object.assign(proxy.faults, faultless);
      // Who waits for an answer that never comes need not wait for its own deadline.
      for (const line of proxy.lines) if (line.isDead || line.isUnanswered) line.cut("rst");
      return proxy.release();
    case "restart":
      await server.stop();
      await Bun.sleep(step.forMs);
      return server.start();
  }
}
