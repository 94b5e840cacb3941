import { expect, test } from "bun:test";
import { Measures } from "../../src/telemetry/measures.ts";
import { createMeters } from "../../src/telemetry/metrics.ts";
import { readText } from "../support/source-tree.ts";

function create(measures = new Measures()) {
  return createMeters({
    version: "1.2.3",
    measures,
    connections: () => ({ websocket: 3, sse: 2 }),
    echoes: () => 1,
    queueBytes: () => ({ websocket: 500, sse: 0 }),
    rooms: () => 7,
    isReady: () => false,
    loadLevel: () => 2,
  });
}

/** A server in which everything has happened. */
function createBusy(): Measures {
  const measures = new Measures();
  measures.countError("websocket", "too_many", "connections-max");
  measures.countRequest("GET", "/rooms/:room", 200, 30);
  measures.countCommit(3, 4);
  measures.countPublish("http", true, 20);
  return measures;
}

test("the meters tell what is true when they are asked", async () => {
  const measures = createBusy();
  const meters = create(measures);
  measures.messages = 10;
  expect(await meters.metrics()).toContain("\npartyline_messages_total 10\n");
  measures.messages = 12;
  measures.deliveries.sse = 20;
  const text = await meters.metrics();
  for (const line of [
    'partyline_connections{transport="websocket"} 3',
    'partyline_connections{transport="sse"} 2',
    'partyline_connections{transport="echo"} 1',
    'partyline_queue_bytes{transport="websocket"} 500',
    "partyline_rooms 7",
    "partyline_ready 0",
    "partyline_load_level 2",
    `partyline_build_info{version="1.2.3",bun="${Bun.version}"} 1`,
    "partyline_messages_total 12",
    'partyline_deliveries_total{transport="sse"} 20',
    'partyline_errors_total{transport="websocket",code="too_many"} 1',
    'partyline_limits_hit_total{limit="connections-max"} 1',
    'partyline_http_requests_total{method="GET",route="/rooms/:room",status="2xx"} 1',
    'partyline_duplicates_total{transport="http"} 1',
    "# TYPE partyline_messages_total counter",
    "# TYPE partyline_rooms gauge",
    "# TYPE partyline_publish_seconds histogram",
  ]) {
    expect(text).toContain(`${line}\n`);
  }
});

test("a histogram has every bucket with those below it, then sum and count", async () => {
  const text = await create(createBusy()).metrics();
  const lines = text.split("\n").filter((line) => line.startsWith("partyline_store_commit_m"));
  expect(lines).toEqual([
    'partyline_store_commit_messages_bucket{le="1"} 0',
    'partyline_store_commit_messages_bucket{le="2"} 0',
    ...[4, 8, 16, 32, 64, 128, 256].map(
      (bound) => `partyline_store_commit_messages_bucket{le="${bound}"} 1`,
    ),
    'partyline_store_commit_messages_bucket{le="+Inf"} 1',
    "partyline_store_commit_messages_sum 3",
    "partyline_store_commit_messages_count 1",
  ]);
});

test("two servers in one process do not share their meters", async () => {
  const measures = new Measures();
  const [one, two] = [create(measures), create()];
  measures.messages = 1;
  expect(await one.metrics()).toContain("\npartyline_messages_total 1\n");
  expect(await two.metrics()).toContain("\npartyline_messages_total 0\n");
});

test("names, units and helps are as Prometheus asks", async () => {
  for (const meter of create(createBusy()).getMetricsAsArray()) {
    const { name, help } = meter;
    const type = String(meter.type);
    if (!name.startsWith("partyline_")) continue;
    expect(name).toMatch(/^[a-z][a-z_]*$/);
    expect([name, help.endsWith("."), help.length > 5]).toEqual([name, true, true]);
    expect([name, name.endsWith("_total")]).toEqual([name, type === "counter"]);
    expect([name, /_(ms|milliseconds|kb|mb)(_|$)/.test(name)]).toEqual([name, false]);
  }
});

test("the manual tells of every meter, and of none that is not there", async () => {
  const manual = await readText("public/docs/metrics.md");
  const [, table = ""] = manual.split("## All meters");
  const told = new Set(
    [...(table.split("\n## ")[0] ?? "").matchAll(/^\| ((?:`\w+`(?:, )?)+) \| \w+ \|/gm)].flatMap(
      ([, names = ""]) => [...names.matchAll(/`(\w+)`/g)].map(([, name = ""]) => name),
    ),
  );
  const there = create().getMetricsAsArray();
  expect([...told].sort()).toEqual(there.map(({ name }) => name).sort());
});

test("the dashboard and the alerts ask for no meter and no label that is not there", async () => {
  const meters = create(createBusy());
  const lines = (await meters.metrics()).split("\n").filter((line) => /^[a-z]/.test(line));
  const names = new Set(lines.map((line) => line.split(/[ {]/, 1)[0] ?? ""));
  const labels = new Set(["job", "instance"]);
  for (const line of lines)
    for (const [, label] of line.matchAll(/(\w+)=/g)) labels.add(label ?? "");
  const dashboard = JSON.parse(await readText("public/docs/grafana.json"));
  const asked: string[] = [];
  for (const { targets = [] } of dashboard.panels) for (const { expr } of targets) asked.push(expr);
  const alerts = (await readText("public/docs/metrics.md")).matchAll(/^ +expr: (.*)$/gm);
  for (const [, expr] of alerts) asked.push(expr ?? "");
  expect(asked.length).toBeGreaterThan(30);
  const queried = new Set<string>();
  for (const expr of asked) {
    for (const [name] of expr.matchAll(/\b(partyline|process|nodejs)_\w+/g)) queried.add(name);
    for (const [, by = ""] of expr.matchAll(/\bby \(([^)]*)\)/g)) {
      for (const label of by.split(", ")) expect([expr, labels.has(label)]).toEqual([expr, true]);
    }
  }
  expect([...queried].filter((name) => !names.has(name))).toEqual([]);
  // And it leaves none of ours out, but for those that only explain others.
  const bases = new Set([...queried].map((name) => name.replace(/_(bucket|sum|count)$/, "")));
  const ours = meters.getMetricsAsArray().map(({ name }) => name);
  const idle = ours.filter((name) => name.startsWith("partyline_") && !bases.has(name));
  expect(idle).toEqual(["partyline_build_info"]);
});

test("the dashboard can be imported: each panel has its place and asks the source one chooses", async () => {
  const dashboard = JSON.parse(await readText("public/docs/grafana.json"));
  expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(36);
  expect(dashboard.templating.list[0]).toMatchObject({ name: "datasource", type: "datasource" });
  const ids = new Set<number>();
  const taken = new Set<string>();
  for (const { id, type, title, datasource, gridPos, targets } of dashboard.panels) {
    expect([title, ids.has(id)]).toEqual([title, false]);
    ids.add(id);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
        expect([title, x < 24, taken.has(`${x},${y}`)]).toEqual([title, true, false]);
        taken.add(`${x},${y}`);
      }
    }
    if (type === "row") continue;
    for (const each of [{ datasource }, ...targets]) {
      expect(each.datasource.type).toBe("prometheus");
      expect(each.datasource.uid).toMatch(/^\$\{datasource\}$/);
    }
  }
});
