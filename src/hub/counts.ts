/** What the hub counts, in plain numbers: it happens for every message and every reader. */

/** A number for the readers of each transport. */
interface ReaderCounts {
  websocket: number;
  sse: number;
}

/** Totals since the start. */
export interface HubCounts {
  /** Messages handed to live readers. */
  readonly deliveries: ReaderCounts;
  /** Signals passed on. */
  signals: number;
  /** Rooms entered, and left. */
  readonly joins: ReaderCounts;
  readonly leaves: ReaderCounts;
  /** Gaps told: readers that have missed something. */
  readonly gaps: ReaderCounts;
  /** Bytes handed over. */
  readonly sentBytes: ReaderCounts;
}

/** Counts that start at 0. */
export function createHubCounts(): HubCounts {
  const zero = (): ReaderCounts => ({ websocket: 0, sse: 0 });
  return {
    ...{ signals: 0, deliveries: zero(), joins: zero(), leaves: zero() },
    ...{ gaps: zero(), sentBytes: zero() },
  };
}
