import { describe, expect, test } from "bun:test";
import {
  type Address,
  contains,
  type Network,
  parseAddress,
  parseNetwork,
  toAddressKey,
} from "../../src/limit/network.ts";

function address(text: string): Address {
  const found = parseAddress(text);
  if (found === null) throw new Error(`${text} is no address`);
  return found;
}

function network(text: string): Network {
  const found = parseNetwork(text);
  if (found === null) throw new Error(`${text} is no network`);
  return found;
}

test("addresses are read in each of their forms", () => {
  const v4 = [0, 0, 0, 0, 0, 0xffff, 0xc000, 0x0201];
  expect(parseAddress("192.0.2.1")).toEqual(v4);
  expect(parseAddress("::ffff:192.0.2.1")).toEqual(v4);
  expect(parseAddress("::ffff:c000:201")).toEqual(v4);
  expect(parseAddress("0:0:0:0:0:ffff:192.0.2.1")).toEqual(v4);
  expect(parseAddress("::")).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
  expect(parseAddress("::1")).toEqual([0, 0, 0, 0, 0, 0, 0, 1]);
  expect(parseAddress("2001:DB8::")).toEqual([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0]);
  expect(parseAddress("1:2:3:4:5:6:7:8")).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(parseAddress("1::7:8")).toEqual([1, 0, 0, 0, 0, 0, 7, 8]);
  expect(parseAddress("fe80::1%eth0")).toEqual([0xfe80, 0, 0, 0, 0, 0, 0, 1]);
});

test("what is no address is none", () => {
  const wrong = ["", "1.2.3", "1.2.3.256", "01.2.3.4", "1.2.3.4.5", ":::", "1::2::3", "g::", "a.b"];
  for (const text of [...wrong, "1:2:3:4:5:6:7:8:9", "[::1]", " ::1", "localhost"]) {
    expect([text, parseAddress(text)]).toEqual([text, null]);
  }
});

describe("a network", () => {
  test("has the addresses up to its edges, and no others", () => {
    const cases: [string, string[], string[]][] = [
      [
        "10.0.0.0/8",
        ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"],
        ["9.255.255.255", "11.0.0.0"],
      ],
      ["192.0.2.128/25", ["192.0.2.128", "192.0.2.255"], ["192.0.2.127", "192.0.3.128"]],
      ["192.0.2.1", ["192.0.2.1"], ["192.0.2.0", "192.0.2.2", "::192.0.2.1"]],
      ["0.0.0.0/0", ["1.2.3.4", "255.255.255.255"], ["::1", "2001:db8::1"]],
      ["2001:db8::/33", ["2001:db8:7fff::1"], ["2001:db8:8000::1", "2001:db9::"]],
      ["::/0", ["::1", "1.2.3.4"], []],
      ["fd00::/8", ["fd12::1", "fdff::"], ["fe00::", "fc00::1"]],
    ];
    for (const [text, inside, outside] of cases) {
      for (const each of inside) {
        expect([text, each, contains(network(text), address(each))]).toEqual([text, each, true]);
      }
      for (const each of outside) {
        expect([text, each, contains(network(text), address(each))]).toEqual([text, each, false]);
      }
    }
  });

  test("is not anything else", () => {
    for (const text of [
      "",
      "/8",
      "10.0.0.0/33",
      "::/129",
      "10.0.0.0/-1",
      "10/8",
      "a/8",
      "1.2.3.4/",
    ]) {
      expect([text, parseNetwork(text)]).toEqual([text, null]);
    }
  });
});

test("limits count an IPv4 address alone, and an IPv6 address with its /64", () => {
  expect(toAddressKey(address("::ffff:192.0.2.1"))).toBe("192.0.2.1");
  expect(toAddressKey(address("2001:db8:1:2:3:4:5:6"))).toBe("2001:db8:1:2::/64");
  expect(toAddressKey(address("2001:db8:1:2::9"))).toBe("2001:db8:1:2::/64");
  expect(toAddressKey(address("2001:db8:1:3::9"))).toBe("2001:db8:1:3::/64");
  expect(toAddressKey(address("::1"))).toBe("0:0:0:0::/64");
});
