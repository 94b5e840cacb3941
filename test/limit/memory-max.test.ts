import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { totalmem } from "node:os";
import { join } from "node:path";
import { readGroupMax, readMemoryMax, toMemoryMax } from "../../src/limit/memory-max.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

test("the least bound of a control group and those around it counts", () => {
  using folder = createTemporaryFolder();
  const write = (path: string, name: string, text: string) => {
    mkdirSync(join(folder.path, path), { recursive: true });
    writeFileSync(join(folder.path, path, name), `${text}\n`);
  };
  const own = "0::/system.slice/partyline.service\n";
  expect(readGroupMax(folder.path, own)).toBeNull();
  write("system.slice/partyline.service", "memory.max", "max");
  expect(readGroupMax(folder.path, own)).toBeNull();
  write("", "memory.max", "4000");
  expect(readGroupMax(folder.path, own)).toBe(4_000);
  write("system.slice", "memory.max", "3000");
  write("system.slice/partyline.service", "memory.high", "2000");
  expect(readGroupMax(folder.path, own)).toBe(2_000);
  write("other.slice", "memory.max", "1");
  expect(readGroupMax(folder.path, own)).toBe(2_000);
  expect(readGroupMax(folder.path, "1:name=systemd:/\n0::/other.slice\n")).toBe(1);
  expect(readGroupMax(folder.path, "")).toBe(4_000); // inside a container that hides the rest
});

test("four fifths of the machine or of the group are taken", () => {
  expect(toMemoryMax(1_000, null)).toBe(800);
  expect(toMemoryMax(1_000, 500)).toBe(400);
  expect(toMemoryMax(1_000, 5_000)).toBe(800);
  expect(readMemoryMax()).toBeGreaterThan(0);
  expect(readMemoryMax()).toBeLessThan(totalmem());
  expect(readMemoryMax(4)).toBe(Math.floor(readMemoryMax() / 4));
});
