/** What the dashboard keeps and how it reads a stream, without a browser. */

import { describe, expect, test } from "bun:test";
import { readEvents } from "../../public/dashboard/event-text.ts";
import { History, keptMs } from "../../public/dashboard/history.ts";
import { chartPlans } from "../../public/dashboard/plan.ts";
import {
  byteRate,
  bytes,
  cores,
  durationText,
  milliseconds,
  rate,
} from "../../public/dashboard/quantity.ts";
import type { ServerStats } from "../../src/protocol/server-report.ts";

describe("the history", () => {
  test("draws one line through reports that come each second, also when some are late", () => {
    const history = new History(1);
    for (const at of [1_000, 2_000, 4_400, 5_400]) history.add(at, [at]);
    expect(history.columns[0]).toEqual([1_000, 2_000, 4_400, 5_400]);
    expect(history.times).toEqual([1, 2, 4.4, 5.4]);
  });

  test("leaves a gap where reports were missing, or the line was cut", () => {
    const history = new History(2);
    history.add(1_000, [1, 10]);
    history.add(9_000, [2, null]);
    history.interrupt();
    history.interrupt();
    history.add(9_500, [3, 30]);
    expect(history.columns).toEqual([
      [1, null, 2, null, 3],
      [10, null, null, null, 30],
    ]);
    expect(history.times).toEqual(history.times.toSorted((a, b) => a - b));
  });

  test("keeps ten minutes, and begins anew when the clock is set back", () => {
    const history = new History(1);
    for (let at = 1_000; at <= keptMs + 60_000; at += 1_000) history.add(at, [at]);
    expect(history.times.length).toBe(keptMs / 1_000 + 1);
    expect(history.times[0]).toBe(60);
    history.add(5_000, [7]);
    expect(history.times).toEqual([5]);
    expect(history.columns).toEqual([[7]]);
  });
});

describe("the plan of the charts", () => {
  const refusals = chartPlans.find(({ title }) => title === "Refusals")?.lines[0];
  const report = (uptimeMs: number, count: number) =>
    ({ uptimeMs, errors: { internal: 1, rate_limited: count } }) as unknown as ServerStats;

  test("counts by how much a counter grew a second, and knows nothing across a restart", () => {
    expect(refusals?.read(report(4_000, 30), report(2_000, 10))).toBe(10);
    expect(refusals?.read(report(4_000, 30), undefined)).toBeNull();
    expect(refusals?.read(report(1_000, 3), report(90_000, 10))).toBeNull();
  });
});

describe("quantities", () => {
  test("have three digits or so, and their unit", () => {
    expect([0, 0.4, 9.96, 1_234.5].map(rate.text)).toEqual(["0/s", "0.4/s", "10/s", "1,235/s"]);
    expect([0, 0.123, 0.996, 4.24, 120.4, 1_240].map(milliseconds.text)).toEqual([
      ...["0 ms", "0.12 ms", "1 ms", "4.2 ms", "120 ms", "1.2 s"],
    ]);
    expect([0, 1_500].map(byteRate.text)).toEqual(["0 bytes/s", "1.5 KB/s"]);
    expect([0, 812, 2_000_000].map(bytes.mark)).toEqual(["0", "812 B", "2 MB"]);
    expect(cores.text(0.256)).toBe("0.26 cores");
    expect([999, 75_000, 3_700_000, 190_000_000].map(durationText)).toEqual([
      ...["0 s", "1 min 15 s", "1 h 1 min", "2 d 4 h"],
    ]);
  });
});

describe("the reader of a stream", () => {
  test("finds events however the bytes were cut, and passes over comments", async () => {
    const text =
      ': hello\nretry: 5\n\nevent: stats\ndata: {"a":"ü"}\n\nevent: draining\ndata: {}\n\n: beat\n\n';
    const whole = new TextEncoder().encode(text);
    for (const size of [1, 7, 1_000]) {
      const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
      const writer = writable.getWriter();
      const write = async () => {
        for (let at = 0; at < whole.length; at += size)
          await writer.write(whole.slice(at, at + size));
        await writer.close();
      };
      const [events] = await Promise.all([Array.fromAsync(readEvents(readable)), write()]);
      expect(events.filter(({ data }) => data !== undefined)).toEqual([
        { event: "stats", data: '{"a":"ü"}' },
        { event: "draining", data: "{}" },
      ]);
    }
  });
});
