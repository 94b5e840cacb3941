import { expect, test } from "bun:test";
import { assertLimits, type Limits, limits, queueBytesMin } from "../../src/protocol/limits.ts";

test("the defaults do not contradict each other", () => {
  expect(() => assertLimits(limits)).not.toThrow();
});

test("each relation between limits is kept at its edge and refused past it", () => {
  const least = queueBytesMin(limits.frameBytesMax);
  const cases: [Partial<Limits>, Partial<Limits>][] = [
    [{ queueBytesMax: least }, { queueBytesMax: least - 1 }],
    [{ tailMessagesMax: 1 }, { tailMessagesMax: 0 }],
    [{ historyMessagesDefault: 500 }, { historyMessagesDefault: 501 }],
    [{ catchUpMessagesMax: 1 }, { catchUpMessagesMax: 0 }],
    [{ catchUpBytesMax: 1 }, { catchUpBytesMax: 0 }],
    [{ roomNameLengthMax: 255 }, { roomNameLengthMax: 256 }],
  ];
  for (const [kept, broken] of cases) {
    expect(() => assertLimits({ ...limits, ...kept })).not.toThrow();
    expect(() => assertLimits({ ...limits, ...broken })).toThrow("contradicts");
  }
});

test("the largest message fits the smallest queue in base64", () => {
  const bytes = Buffer.alloc(limits.frameBytesMax).toString("base64").length;
  expect(queueBytesMin(limits.frameBytesMax)).toBeGreaterThan(bytes + limits.catchUpBytesMax);
});
