import { afterAll, describe, expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import fc from "fast-check";
import { createDownloads, type FoundFolder, type Listing } from "../../src/files/downloads.ts";
import { PartylineError } from "../../src/protocol/errors.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const isWindows = process.platform === "win32";
const outside = createTemporaryFolder();
const root = join(outside.path, "root");
const downloads = createDownloads(root);

mkdirSync(join(root, "docs", ".git"), { recursive: true });
writeFileSync(join(outside.path, "canary.txt"), "canary");
writeFileSync(join(root, "a.txt"), "hello");
writeFileSync(join(root, ".env"), "secret");
writeFileSync(join(root, "docs", ".git", "config"), "secret");
writeFileSync(join(root, "docs", "имя 文.txt"), "name");

afterAll(() => outside[Symbol.dispose]());

async function isFound(path: string): Promise<boolean> {
  try {
    await downloads.find(path);
    return true;
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(PartylineError);
    expect(thrown).toMatchObject({ code: "not_found", message: expect.not.stringContaining("/") });
    return false;
  }
}

async function listAll(path: string, after = ""): Promise<Listing> {
  return downloads.list((await downloads.find(path)) as FoundFolder, after);
}

describe("find", () => {
  test("finds files and folders, with what HTTP needs to know of them", async () => {
    const file = await downloads.find("/docs/%D0%B8%D0%BC%D1%8F%20%E6%96%87.txt");
    expect(file).toMatchObject({ kind: "file", name: "имя 文.txt", bytes: 4 });
    expect(await downloads.find("/docs")).toMatchObject({ kind: "folder", endsWithSlash: false });
    expect(await downloads.find("/")).toMatchObject({ kind: "folder", names: [] });
  });

  test.each(["/b.txt", "/a.txt/", "/a.txt/b", "/.env", "/docs/.git/config", "/docs/.git/"])(
    "does not find %p",
    async (path) => {
      expect(await isFound(path)).toBe(false);
    },
  );

  test.skipIf(isWindows)("follows links that stay inside, and no others", async () => {
    symlinkSync("a.txt", join(root, "inside"));
    symlinkSync("docs", join(root, "inside-folder"));
    symlinkSync("../canary.txt", join(root, "out"));
    symlinkSync(outside.path, join(root, "out-folder"));
    symlinkSync("/etc/passwd", join(root, "passwd"));
    symlinkSync(".env", join(root, "hidden"));
    symlinkSync("docs/.git", join(root, "hidden-folder"));
    symlinkSync("loop", join(root, "loop"));
    symlinkSync("nowhere", join(root, "broken"));
    expect(await isFound("/inside")).toBe(true);
    expect(await isFound("/inside-folder/")).toBe(true);
    for (const path of ["/out", "/out-folder/", "/out-folder/canary.txt", "/passwd"]) {
      expect(await isFound(path)).toBe(false);
    }
    for (const path of ["/hidden", "/hidden-folder/config", "/loop", "/broken"]) {
      expect(await isFound(path)).toBe(false);
    }
    const { entries } = await listAll("/");
    const names = entries.map(({ name }) => name);
    expect(names).toEqual(["docs", "inside-folder", "a.txt", "inside"]);
  });

  test.skipIf(isWindows)("does not wait for a FIFO, nor open a socket or a device", async () => {
    expect(Bun.spawnSync(["mkfifo", join(root, "fifo")]).exitCode).toBe(0);
    const server = createServer().listen(join(root, "socket"));
    symlinkSync("/dev/zero", join(root, "zero"));
    try {
      for (const path of ["/fifo", "/socket", "/zero"]) expect(await isFound(path)).toBe(false);
    } finally {
      server.close();
    }
  });

  // Root reads everything, whatever its mode.
  test.skipIf(isWindows || process.getuid?.() === 0)(
    "does not find what it may not read",
    async () => {
      writeFileSync(join(root, "closed"), "closed");
      chmodSync(join(root, "closed"), 0);
      expect(await isFound("/closed")).toBe(false);
    },
  );

  test("works in a root that is itself a link or lies below a dot-folder", async () => {
    const hidden = join(outside.path, ".hidden");
    mkdirSync(hidden);
    writeFileSync(join(hidden, "a.txt"), "hello");
    expect(await createDownloads(hidden).find("/a.txt")).toMatchObject({ bytes: 5 });
    const link = join(outside.path, "link");
    symlinkSync(hidden, link, isWindows ? "junction" : "dir");
    expect(await createDownloads(link).find("/a.txt")).toMatchObject({ bytes: 5 });
  });

  test("finds nothing where the root is missing", async () => {
    const missing = createDownloads(join(outside.path, "missing"));
    expect(missing.find("/")).rejects.toMatchObject({ code: "not_found" });
  });

  test("never finds anything outside its root, whatever the path", async () => {
    const piece = fc.oneof(
      fc.constantFrom("..", "%2e%2e", ".%2E", "%2f", "%5c", "\\", "/", "//", "%00", "%252e%252e"),
      fc.constantFrom("docs", "out-folder", "canary.txt", "root", "a.txt", "etc", "passwd", "."),
    );
    const paths = fc.array(piece, { maxLength: 10 }).map((pieces) => `/${pieces.join("")}`);
    await fc.assert(
      fc.asyncProperty(paths, async (path) => {
        const found = await downloads.find(path).catch(() => null);
        if (found) expect(`${found.path}/`).toStartWith(`${root}/`);
      }),
      { numRuns: 500 },
    );
  });
});

describe("the entity tag", () => {
  const path = join(root, "tagged");
  async function tag(): Promise<string> {
    const found = await downloads.find("/tagged");
    return found.kind === "file" ? found.etag : "";
  }

  test("stays while the file does, and is strong", async () => {
    writeFileSync(path, "12345");
    expect(await tag()).toMatch(/^"[a-z0-9-]+"$/);
    expect(await tag()).toBe(await tag());
  });

  test("changes with the length, the time and the file itself", async () => {
    writeFileSync(path, "12345");
    const tags = [await tag()];
    appendFileSync(path, "6");
    tags.push(await tag());
    utimesSync(path, 1, 1);
    tags.push(await tag());
    writeFileSync(`${path}.new`, "654321");
    utimesSync(`${path}.new`, 1, 1);
    renameSync(`${path}.new`, path);
    tags.push(await tag());
    expect(new Set(tags).size).toBe(4);
    rmSync(path);
  });
});

describe("list", () => {
  test("puts folders first and counts like people, without dot-files", async () => {
    const folder = join(root, "order");
    for (const name of ["b10", "b2", ".b"]) mkdirSync(join(folder, name), { recursive: true });
    for (const name of ["a10", "a9", "Б", "a%2f", ".a"]) writeFileSync(join(folder, name), name);
    const { entries, more, complete } = await listAll("/order/");
    const urls = entries.map(({ url }) => url);
    expect(urls).toEqual(["b2/", "b10/", "a%252f", "a9", "a10", "%D0%91"]);
    expect({ more, complete }).toEqual({ more: false, complete: true });
    const { mtimeMs } = statSync(join(folder, "a9"));
    expect(entries.find(({ name }) => name === "a9")).toEqual({
      name: "a9",
      kind: "file",
      bytes: 2,
      modifiedAt: Math.floor(mtimeMs),
      mediaType: "application/octet-stream",
      url: "a9",
    });
  });

  test("comes in pages that, put together, name everything once", async () => {
    const folder = join(root, "many");
    for (const name of ["1", "2"]) mkdirSync(join(folder, `folder ${name}`), { recursive: true });
    for (let i = 0; i < 2_100; i += 1) writeFileSync(join(folder, `${i} ф?.txt`), "");
    const names: string[] = [];
    let after = "";
    const sizes: number[] = [];
    for (let more = true; more; ) {
      const page = await listAll("/many/", after);
      names.push(...page.entries.map(({ name }) => name));
      sizes.push(page.entries.length);
      after = page.entries.at(-1)?.url ?? "";
      ({ more } = page);
    }
    expect(sizes).toEqual([1_000, 1_000, 102]);
    expect(new Set(names).size).toBe(2_102);
  }, 60_000);

  test("goes on after a name that is gone, and takes any text for one", async () => {
    const after = async (text: string) =>
      (await listAll("/order/", text)).entries.map(({ url }) => url);
    expect(await after("b3/")).toEqual(["b10/", "a%252f", "a9", "a10", "%D0%91"]);
    expect(await after("a9")).toEqual(["a10", "%D0%91"]);
    expect(await after("%")).toBeArray();
    expect(await after("яяя")).toEqual([]);
  });

  test("says when a folder holds more names than it looks at", async () => {
    const folder = join(root, "huge");
    mkdirSync(folder);
    for (let i = 0; i <= 10_000; i += 1) writeFileSync(join(folder, `${i}`), "");
    expect(await listAll("/huge/")).toMatchObject({ more: true, complete: false });
    rmSync(join(folder, "0"));
    expect(await listAll("/huge/")).toMatchObject({ more: true, complete: true });
    rmSync(folder, { recursive: true });
  }, 60_000);
});
