import { describe, expect, test } from "bun:test";
import { Measures } from "../../src/telemetry/measures.ts";

describe("measures", () => {
  test("of requests are kept by route and known method, however many paths there are", () => {
    const measures = new Measures();
    measures.countRequest("GET", "/rooms/:room", 200, 2);
    measures.countRequest("GET", "/rooms/:room", 404, 2);
    measures.countRequest("GET", undefined, 404, 1);
    for (let index = 0; index < 100; index += 1) {
      measures.countRequest(`MADE-UP-${index}`, undefined, 404, 1);
    }
    const found = [...measures.routes.values()].map(({ method, route, classes, seconds }) => {
      return [method, route, [...classes], seconds.count];
    });
    expect(found).toEqual([
      ["GET", "/rooms/:room", [0, 0, 1, 0, 1, 0], 2],
      ["GET", "none", [0, 0, 0, 0, 1, 0], 1],
      ["other", "none", [0, 0, 0, 0, 100, 0], 100],
    ]);
  });

  test("of odd statuses stand with those at hand", () => {
    const measures = new Measures();
    for (const status of [0, 101, 599, 999]) measures.countRequest("GET", "/", status, 1);
    const [{ classes } = { classes: [] }] = measures.routes.values();
    expect([...classes]).toEqual([0, 2, 0, 0, 0, 2]);
  });

  test("of errors are kept by transport and code, those of limits by limit, too", () => {
    const measures = new Measures();
    measures.countError("sse", "too_many", "connections-max");
    measures.countError("http", "too_many", "connections-max");
    measures.countError("http", "forbidden", undefined);
    expect([...measures.errors.http]).toEqual([
      ["too_many", 1],
      ["forbidden", 1],
    ]);
    expect([...measures.errors.sse]).toEqual([["too_many", 1]]);
    expect([...measures.limitsHit]).toEqual([["connections-max", 2]]);
  });

  test("of milliseconds are told in seconds", () => {
    const measures = new Measures();
    measures.countCommit(3, 4);
    measures.countPublish("http", true, 20);
    expect([measures.commitMessages.sum, measures.commitSeconds.sum]).toEqual([3, 0.004]);
    expect([measures.publishSeconds.http.sum, measures.duplicates.http]).toEqual([0.02, 1]);
    expect(measures.publishSeconds.websocket.count).toBe(0);
  });
});
