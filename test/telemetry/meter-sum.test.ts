import { expect, test } from "bun:test";
import { Measures } from "../../src/telemetry/measures.ts";
import { keepTotals, type MeterSnapshot, sumMeters } from "../../src/telemetry/meter-sum.ts";
import { createMeters, takeSnapshots, writeSnapshots } from "../../src/telemetry/metrics.ts";

function create(version: string, measures: Measures, ready: boolean) {
  return createMeters({
    ...{ version, measures },
    connections: () => ({ websocket: 3, sse: 2 }),
    echoes: () => 1,
    queueBytes: () => ({ websocket: 500, sse: 0 }),
    rooms: () => 7,
    isReady: () => ready,
    loadLevel: () => (ready ? 0 : 2),
  });
}

test("what several processes counted is one server's, in the form of a single one", async () => {
  const [one, two] = [new Measures(), new Measures()];
  one.messages = 5;
  two.messages = 7;
  one.countError("http", "too_many", undefined);
  two.countError("http", "forbidden", undefined);
  for (const measures of [one, two]) measures.countCommit(3, 4);
  const meters = [create("1.0.0", one, true), create("1.1.0", two, false)];
  const sum = sumMeters(await Promise.all(meters.map(takeSnapshots)));
  const text = await writeSnapshots(sum);
  for (const line of [
    "partyline_messages_total 12",
    'partyline_connections{transport="websocket"} 6',
    'partyline_errors_total{transport="http",code="too_many"} 1',
    'partyline_errors_total{transport="http",code="forbidden"} 1',
    'partyline_store_commit_messages_bucket{le="2"} 0',
    'partyline_store_commit_messages_bucket{le="4"} 2',
    "partyline_store_commit_messages_sum 6",
    "partyline_store_commit_messages_count 2",
    "partyline_workers 2",
    "partyline_ready 1",
    "partyline_load_level 2",
    `partyline_build_info{version="1.0.0",bun="${Bun.version}"} 1`,
    `partyline_build_info{version="1.1.0",bun="${Bun.version}"} 1`,
    "# TYPE partyline_store_commit_messages histogram",
    "# TYPE partyline_messages_total counter",
  ]) {
    expect(text).toContain(`${line}\n`);
  }
  const listTypes = (form = "") => [...form.matchAll(/^# TYPE .*$/gm)].map(([line]) => line).sort();
  expect(listTypes(text)).toEqual(listTypes(await meters[0]?.metrics()));
  const began = /^process_start_time_seconds (\d+)$/m;
  expect(Number(began.exec(text)?.[1])).toBeLessThan(Date.now() / 1_000 + 2); // no sum of times
});

test("of those that have ended only the totals stay", async () => {
  const measures = new Measures();
  measures.messages = 4;
  const kept = keepTotals(await takeSnapshots(create("1.0.0", measures, true)));
  const twice = await writeSnapshots(sumMeters([kept, kept]));
  expect(twice).toContain("\npartyline_messages_total 8\n");
  expect(twice).toContain("\nprocess_cpu_seconds_total ");
  expect(twice).not.toMatch(/^partyline_(connections|rooms|ready|workers)[ {]/m);
});

test("lines with the same labels in another order are one, and nobody's numbers are changed", () => {
  const meter = (labels: Record<string, string>, value: number): MeterSnapshot => ({
    ...{ name: "a", help: "b", type: "counter", aggregator: "sum" },
    values: [{ labels, value }],
  });
  const given = [[meter({ x: "1", y: "2" }, 3)], [meter({ y: "2", x: "1" }, 4)]];
  expect(sumMeters(given)).toEqual([meter({ x: "1", y: "2" }, 7)]);
  expect(given[0]?.[0]?.values[0]?.value).toBe(3);
  expect(sumMeters([])).toEqual([]);
});
