import { expect, test } from "bun:test";
import { Turns } from "../../src/hub/turns.ts";

test("turns are taken one at a time, in the order in which they were asked for", async () => {
  const turns = new Turns();
  const order: string[] = [];
  const act = async (name: string) => {
    const end = await turns.take(() => undefined);
    order.push(`${name} begins`);
    await Bun.sleep(0);
    order.push(`${name} ends`);
    end();
  };
  await Promise.all(["a", "b", "c"].map(act));
  expect(order).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
});

test("a turn begins when nothing is left to wait for", async () => {
  const turns = new Turns();
  let waits = 3;
  const end = await turns.take(() => {
    if (waits === 0) return undefined;
    waits -= 1;
    return Promise.resolve();
  });
  expect(waits).toBe(0);
  end();
});
