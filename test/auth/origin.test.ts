import { describe, expect, test } from "bun:test";
import { createOrigins, isFixedHost, isOriginList, isSameOrigin } from "../../src/auth/origin.ts";

describe("a page is of the same origin", () => {
  test.each([
    ["http://chat.example", "chat.example", null],
    ["http://chat.example", "chat.example:80", null],
    ["https://chat.example", "chat.example:443", "https"],
    ["https://chat.example", "chat.example", "https"],
    ["https://chat.example", "chat.example", null], // behind a proxy that ends TLS
    ["http://127.0.0.1:8080", "127.0.0.1:8080", null],
    ["http://[::1]:8080", "[::1]:8080", null],
    ["HTTP://Chat.Example:8080", "chat.EXAMPLE:8080", null],
    ["http://chat.example.:8080", "chat.example.:8080", null],
  ] as const)("%s asks %s", (origin, host, scheme) => {
    expect(isSameOrigin(origin, host, scheme)).toBe(true);
  });

  test.each([
    ["http://evil.example", "chat.example", null],
    ["http://chat.example", "chat.example", "https"],
    ["http://chat.example", "chat.example:443", null],
    ["https://chat.example", "chat.example:80", null],
    ["http://chat.example:8081", "chat.example:8080", null],
    ["http://localhost:8080", "127.0.0.1:8080", null],
    ["http://chat.example.:8080", "chat.example:8080", null],
    ["http://chat.example.evil.example", "chat.example", null],
    ["http://a.chat.example", "chat.example", null],
    ["http://evil.example@chat.example", "chat.example", null],
    ["http://chat.example/", "chat.example", null],
    ["http://chat.example#", "chat.example", null],
    ["http://chat.example\\@evil.example", "chat.example", null],
    ["ftp://chat.example", "chat.example", null],
    ["chat.example", "chat.example", null],
    ["//chat.example", "chat.example", null],
    ["null", "null", null],
    ["", "", null],
    ["http://", "", null],
    ["http://chat.example, http://evil.example", "chat.example", null],
    ["http://chat.example", "chat.example, evil.example", null],
    ["http://chat.example http://evil.example", "chat.example", null],
    ["http://chat.example:99999", "chat.example:99999", null],
    [`http://${"a".repeat(100_000)}`, "a".repeat(100_000), null],
  ] as const)("but not when %s asks %s", (origin, host, scheme) => {
    expect(isSameOrigin(origin, host, scheme)).toBe(false);
  });
});

describe("an allowed origin", () => {
  const origins = createOrigins(
    "https://chat.example, https://*.team.example:8443,capacitor://localhost,http://[::1]:3000",
  );

  test.each([
    "https://chat.example",
    "https://chat.example:443",
    "HTTPS://CHAT.example",
    "https://a.team.example:8443",
    "https://a.b.team.example:8443",
    "capacitor://localhost",
    "http://[::1]:3000",
  ])("lets %s in", (origin) => {
    expect(origins.allows(origin)).toBe(true);
  });

  test.each([
    "http://chat.example",
    "https://chat.example:8443",
    "https://a.chat.example",
    "https://chat.example.",
    "https://chat.example.evil.example",
    "https://evilchat.example",
    "https://team.example:8443",
    "https://evilteam.example:8443",
    "https://.team.example:8443",
    "https://a.team.example",
    "https://a.team.example:8443.evil.example",
    "https://evil.example/.team.example:8443",
    "https://evil.example?.team.example:8443",
    "https://chat.example, https://evil.example",
    "null",
    "",
    `https://${"a.".repeat(200)}team.example:8443`,
  ])("does not let %p in", (origin) => {
    expect(origins.allows(origin)).toBe(false);
  });

  test("is any, only where that was said", () => {
    expect(createOrigins("*").allows("https://evil.example")).toBe(true);
    expect(createOrigins("*").allows("null")).toBe(true);
    expect(createOrigins(null).allows("https://evil.example")).toBe(false);
    expect(createOrigins(null).isEmpty).toBe(true);
  });

  test("names its host, with any port", () => {
    expect(origins.names("chat.example")).toBe(true);
    expect(origins.names("chat.example:8080")).toBe(true);
    expect(origins.names("a.team.example")).toBe(true);
    expect(origins.names("evil.example")).toBe(false);
    expect(origins.names("chat.example, evil.example")).toBe(false);
  });
});

describe("a list of origins", () => {
  test.each([
    ["https://chat.example", true],
    ["http://localhost:3000,https://*.example.com", true],
    ["*", true],
    ["", false],
    ["chat.example", false],
    ["https://chat.example/", false],
    ["https://chat.example/path", false],
    ["https://*", false],
    ["https://*.", false],
    ["https://*.*.example", false],
    ["https://a.*.example", false],
    ["https://*example.com", false],
    ["https://*.127.0.0.1", false],
    ["https://*.[::1]", false],
    ["*://chat.example", false],
    ["https://chat.example:99999", false],
    ["https://user@chat.example", false],
    ["null", false],
    ["https://chat.example,,https://a.example", false],
    [Array.from({ length: 101 }, (_, index) => `https://a${index}.example`).join(","), false],
  ])("is taken or refused: %s", (text, isTaken) => {
    expect(isOriginList(text)).toBe(isTaken);
  });
});

describe("a host that no name server decides about", () => {
  test.each([
    "localhost",
    "localhost:8080",
    "LOCALHOST.:8080",
    "chat.localhost",
    "127.0.0.1:8080",
    "0.0.0.0:8080",
    "192.0.2.7",
    "[::1]:8080",
  ])("is %s", (host) => {
    expect(isFixedHost(host)).toBe(true);
  });

  test.each([
    "evil.example",
    "evil.example:8080",
    "localhost.evil.example",
    "evillocalhost",
    "127.0.0.1.evil.example",
    "127.0.0.1, evil.example",
    "",
  ])("is not %p", (host) => {
    expect(isFixedHost(host)).toBe(false);
  });
});
