import { expect, test } from "bun:test";
import { createMeters } from "../../src/telemetry/metrics.ts";

function create(messages: () => number) {
  return createMeters({
    connections: () => ({ websocket: 3, sse: 2 }),
    rooms: () => 7,
    totals: () => ({ messages: messages(), deliveries: 20, signals: 30, slowReaders: 40 }),
  });
}

test("the meters tell what is true when they are asked", async () => {
  let messages = 10;
  const meters = create(() => messages);
  expect(await meters.metrics()).toContain("\npartyline_messages_total 10\n");
  messages = 12;
  const text = await meters.metrics();
  for (const line of [
    'partyline_connections{transport="websocket"} 3',
    'partyline_connections{transport="sse"} 2',
    "partyline_rooms 7",
    "partyline_messages_total 12",
    "partyline_deliveries_total 20",
    "partyline_signals_total 30",
    "partyline_slow_readers_total 40",
    "# TYPE partyline_messages_total counter",
    "# TYPE partyline_rooms gauge",
  ]) {
    expect(text).toContain(`${line}\n`);
  }
  expect(text).toContain("process_resident_memory_bytes");
});

test("two servers in one process do not share their meters", async () => {
  const [one, two] = [create(() => 1), create(() => 2)];
  expect(await one.metrics()).toContain("\npartyline_messages_total 1\n");
  expect(await two.metrics()).toContain("\npartyline_messages_total 2\n");
});
