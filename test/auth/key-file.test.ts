import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readKeyFile, readSecretFile } from "../../src/auth/key-file.ts";
import { toSecret } from "../../src/auth/secret.ts";
import { createTemporaryFolder, type TemporaryFolder } from "../support/temporary-folder.ts";

let folder: TemporaryFolder;
let path: string;

beforeEach(() => {
  folder = createTemporaryFolder();
  path = join(folder.path, "key");
});
afterEach(() => folder[Symbol.dispose]());

function write(content: string | Uint8Array, mode = 0o600): void {
  writeFileSync(path, content);
  chmodSync(path, mode);
}

test.each<[number, boolean]>([
  [0o600, false],
  [0o400, false],
  [0o700, false],
  [0o640, true],
  [0o604, true],
  [0o644, true],
])("a secret file of mode %o: warned is %p", (mode, isWarned) => {
  write("x".repeat(32), mode);
  const { warning } = readSecretFile(path, "the secret");
  if (isWarned) expect(warning).toContain(`try: chmod 600 ${path}`);
  else expect(warning).toBeNull();
  expect(readKeyFile(path, "the public key", false).warning).toBeNull();
});

test.each([
  ["", 32],
  ["\n", 32],
  ["\r\n", 32],
  ["\n\n", 33],
  [" \n", 33],
])("one line break at the end, as in %j, is no part of the secret", (end, length) => {
  write("x".repeat(32) + end);
  expect(readSecretFile(path, "the secret").secret.reveal()).toHaveLength(length);
});

test("a secret may be bytes, from 32 to 4096 of them", () => {
  for (const length of [32, 4_096]) {
    write(new Uint8Array(length).fill(0xff));
    expect(readSecretFile(path, "the secret").secret.reveal()).toHaveLength(length);
  }
  for (const length of [0, 31, 4_097]) {
    write(new Uint8Array(length).fill(0xff));
    expect(() => readSecretFile(path, "the secret")).toThrow(`holds a secret of ${length} bytes`);
  }
});

test("what cannot be read is said in a sentence with its name", () => {
  expect(() => readKeyFile(path, "the key", false)).toThrow(`${path} (the key) does not exist.`);
  mkdirSync(path);
  expect(() => readKeyFile(path, "the key", false)).toThrow("is a folder, not a file.");
});

test("a file beyond the bound is not read", () => {
  write(new Uint8Array(262_145));
  expect(() => readKeyFile(path, "the key", false)).toThrow("larger than 262144 bytes");
});

test("a secret does not show itself", () => {
  const text = "correct horse battery staple, and more";
  const secret = toSecret(text);
  const shown = [`${secret}`, JSON.stringify({ secret }), Bun.inspect({ secret }), String(secret)];
  for (const each of shown) {
    expect(each).toContain("(secret)");
    expect(each).not.toContain("horse");
  }
  expect(Object.keys(secret ?? {})).toEqual([]);
});
