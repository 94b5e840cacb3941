import { expect, test } from "bun:test";
import { der, generalizedTime, objectIdentifier, utcTime } from "../../src/http/der.ts";

test.each([
  [0, "0400"],
  [127, "047f"],
  [128, "048180"],
  [255, "0481ff"],
  [256, "04820100"],
  [65_536, "0483010000"],
])("a content of %d bytes has the shortest length", (length, head) => {
  const encoded = der(0x04, Buffer.alloc(length)).toString("hex");
  expect(encoded).toBe(head + "00".repeat(length));
});

test("an object identifier has seven bits a byte", () => {
  expect(objectIdentifier("1.2.840.10045.4.3.2").toString("hex")).toBe("06082a8648ce3d040302");
  expect(objectIdentifier("2.5.29.17").toString("hex")).toBe("0603551d11");
});

test("times are in UTC, to the second", () => {
  const time = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  expect(utcTime(time).subarray(2).toString()).toBe("260102030405Z");
  expect(generalizedTime(time).subarray(2).toString()).toBe("20260102030405Z");
});
