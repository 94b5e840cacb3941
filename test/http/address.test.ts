import { describe, expect, test } from "bun:test";
import { judge } from "../../src/http/address.ts";
import { type Network, parseAddress, parseNetwork } from "../../src/limit/network.ts";

const trusted = ["127.0.0.1", "10.0.0.0/8", "fd00::/8"]
  .map(parseNetwork)
  .filter((network): network is Network => network !== null);

/** Whom a request from `peer` with these fields counts for. */
function originationOf(peer: string, fields: Record<string, string>) {
  return judge(new Headers(fields), parseAddress(peer), trusted);
}

function keyOf(peer: string, fields: Record<string, string>): string {
  return originationOf(peer, fields).key;
}

describe("a peer that is not trusted", () => {
  test("is itself, whatever it says", () => {
    const said = { "x-forwarded-for": "9.9.9.9", forwarded: "for=9.9.9.9;proto=https" };
    const fields = { ...said, "x-forwarded-proto": "https", "x-real-ip": "9.9.9.9" };
    const alone = { key: "192.0.2.1", protocol: null, isUnheard: true };
    expect(originationOf("192.0.2.1", fields)).toEqual(alone);
    expect(originationOf("192.0.2.1", {})).toEqual({ ...alone, isUnheard: false });
  });

  test("is unknown where there is no address, and is not believed either", () => {
    expect(judge(new Headers({ "x-forwarded-for": "9.9.9.9" }), null, trusted).key).toBe("unknown");
  });
});

describe("a trusted peer", () => {
  test("that names nobody is itself", () => {
    expect(originationOf("127.0.0.1", {})).toEqual({
      key: "127.0.0.1",
      protocol: null,
      isUnheard: false,
    });
  });

  test("is believed in each of the forms", () => {
    for (const text of ["192.0.2.1", " 192.0.2.1 ", "192.0.2.1:4711", "::ffff:192.0.2.1"]) {
      expect(keyOf("127.0.0.1", { "x-forwarded-for": text })).toBe("192.0.2.1");
    }
    for (const text of ["2001:db8::7", "[2001:db8::7]", "[2001:db8::7]:4711"]) {
      expect(keyOf("::ffff:127.0.0.1", { "x-forwarded-for": text })).toBe("2001:db8:0:0::/64");
    }
    for (const text of [
      "for=192.0.2.1",
      "For=192.0.2.1;Proto=https;By=10.0.0.1",
      'by=_x; for="192.0.2.1:80"',
    ]) {
      expect(keyOf("127.0.0.1", { forwarded: text })).toBe("192.0.2.1");
    }
    const quoted = { forwarded: 'for="[2001:db8::7]:4711";proto=http' };
    expect(keyOf("fd00::1", quoted)).toBe("2001:db8:0:0::/64");
  });

  test("is believed for the nearest hop that is no trusted proxy, not for what that one says", () => {
    const cases: [string, string][] = [
      ["9.9.9.9, 192.0.2.1", "192.0.2.1"],
      ["9.9.9.9, 192.0.2.1, 10.0.0.2", "192.0.2.1"],
      ["10.0.0.9, 192.0.2.1, 10.0.0.2, 10.0.0.3", "192.0.2.1"],
      ["127.0.0.1, 192.0.2.1", "192.0.2.1"],
      ["10.0.0.5, 10.0.0.2", "10.0.0.5"],
    ];
    for (const [text, key] of cases) {
      expect(keyOf("127.0.0.1", { "x-forwarded-for": text })).toBe(key);
      const forwarded = text
        .split(", ")
        .map((each) => `for=${each}`)
        .join(", ");
      expect(keyOf("127.0.0.1", { forwarded })).toBe(key);
    }
  });

  test("counts itself for a client whose name is garbage, and whatever stands before that", () => {
    const garbage = [
      "unknown",
      "_hidden",
      "",
      ",,,",
      "1.2.3.4.5",
      "<script>",
      "[::1",
      "a".repeat(9_999),
    ];
    for (const text of garbage) {
      expect(keyOf("10.1.1.1", { "x-forwarded-for": `9.9.9.9, ${text}` })).toBe("10.1.1.1");
      expect(keyOf("10.1.1.1", { forwarded: `for=9.9.9.9, for=${text}` })).toBe("10.1.1.1");
    }
    expect(keyOf("10.1.1.1", { "x-forwarded-for": "9.9.9.9, rubbish, 10.2.2.2" })).toBe("10.2.2.2");
    expect(keyOf("10.1.1.1", { forwarded: 'for="9.9.9.9, for=192.0.2.1' })).toBe("192.0.2.1");
  });

  test("that passes on a header which the client forged beside its own is not fooled", () => {
    const forged = "for=9.9.9.9;proto=https";
    const own = { "x-forwarded-for": "192.0.2.1" };
    expect(keyOf("10.1.1.1", { ...own, forwarded: forged })).toBe("10.1.1.1");
    expect(keyOf("10.1.1.1", { ...own, forwarded: "for=192.0.2.1" })).toBe("192.0.2.1");
    expect(originationOf("10.1.1.1", { ...own, forwarded: forged }).protocol).toBeNull();
  });

  test("looks at no more hops than a chain of proxies has", () => {
    const text = ["192.0.2.1", ...Array.from({ length: 16 }, () => "10.0.0.1")].join(", ");
    expect(keyOf("10.1.1.1", { "x-forwarded-for": text })).toBe("10.0.0.1");
  });

  test("tells how the client spoke to the outermost proxy that is trusted", () => {
    const protocolOf = (fields: Record<string, string>) =>
      originationOf("10.1.1.1", fields).protocol;
    const two = { "x-forwarded-for": "192.0.2.1, 10.0.0.2" };
    expect(protocolOf({ ...two, "x-forwarded-proto": "https" })).toBe("https");
    expect(protocolOf({ ...two, "x-forwarded-proto": "https, http" })).toBe("https");
    expect(
      protocolOf({ "x-forwarded-for": "9.9.9.9, 1.2.3.4", "x-forwarded-proto": "https, http" }),
    ).toBe("http");
    expect(protocolOf({ ...two, "x-forwarded-proto": "gopher" })).toBeNull();
    expect(protocolOf({ forwarded: "for=1.2.3.4;proto=https, for=10.0.0.2;proto=http" })).toBe(
      "https",
    );
    expect(protocolOf({ forwarded: "for=9.9.9.9;proto=https, for=1.2.3.4;proto=http" })).toBe(
      "http",
    );
  });
});
