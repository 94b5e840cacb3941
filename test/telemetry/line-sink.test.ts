import { expect, test } from "bun:test";
import { LineSink } from "../../src/telemetry/line-sink.ts";

/** A stream out of which nothing is taken before `take`. */
class StuckStream {
  lines: string[] = [];
  #dones: (() => void)[] = [];

  write(line: string, done: () => void): void {
    this.lines.push(line);
    this.#dones.push(done);
  }

  take(count: number): void {
    for (const done of this.#dones.splice(0, count)) done();
  }
}

test("lines that nobody takes are left out past a bound, and counted once some are taken", () => {
  const stream = new StuckStream();
  const losses: number[] = [];
  const sink: LineSink = new LineSink(stream, (lost) => {
    losses.push(lost);
    sink.write("some are missing\n");
  });
  const line = `${"x".repeat(1_023)}\n`;
  for (let count = 0; count < 10_000; count += 1) sink.write(line);
  expect([stream.lines.length, losses]).toEqual([4_096, []]);
  stream.take(1_000);
  sink.write(line); // not yet: less than half was taken
  expect([stream.lines.length, losses]).toEqual([4_096, []]);
  stream.take(2_000);
  sink.write("the last\n");
  expect(losses).toEqual([5_905]);
  expect(stream.lines.slice(4_096)).toEqual(["some are missing\n", "the last\n"]);
});

test("lines that are taken are all written", () => {
  const stream = new StuckStream();
  const sink = new LineSink(stream, () => expect.unreachable());
  for (let count = 0; count < 10_000; count += 1) {
    sink.write(`${"x".repeat(1_023)}\n`);
    stream.take(1);
  }
  expect(stream.lines).toHaveLength(10_000);
});
