import { expect, test } from "bun:test";
import { readConnectionsMax, toConnectionsMax } from "../../src/limit/open-files.ts";

test("seven eighths of the open files are for connections", () => {
  expect(toConnectionsMax(1_024)).toBe(896);
  expect(toConnectionsMax(20_000)).toBe(17_500);
  expect(toConnectionsMax(1)).toBe(1);
});

test("a limit that is not told, and one that is none, still give a number", () => {
  expect(toConnectionsMax(null)).toBe(8_750);
  expect(toConnectionsMax(Number.POSITIVE_INFINITY)).toBe(875_000);
});

test.skipIf(process.platform === "win32")("a process sees the limit it was started with", () => {
  const module = new URL("../../src/limit/open-files.ts", import.meta.url).href;
  const code = `console.log((await import("${module}")).readConnectionsMax())`;
  const command = `ulimit -n 512; exec "${process.execPath}" -e '${code}'`;
  const { stdout } = Bun.spawnSync(["sh", "-c", command]);
  expect(Number(stdout.toString())).toBe(448);
  expect(readConnectionsMax()).toBeGreaterThan(448);
});
