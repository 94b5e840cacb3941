import { expect, test } from "bun:test";
import { join, resolve } from "node:path";
import { readDeclarations } from "../../public/declarations.ts";
import { runProgram } from "../support/program.ts";
import { readText } from "../support/source-tree.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const sources = resolve(import.meta.dir, "../../src");
const plain = { strict: true, noEmit: true, module: "nodenext", types: [] };

/** Checks files of TypeScript that stand beside `client.d.ts`, and gives what is wrong with them. */
async function check(
  compilerOptions: object,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  using folder = createTemporaryFolder();
  const all: Record<string, string> = {
    "client.d.ts": await readDeclarations(),
    "package.json": '{"type":"module"}',
    "tsconfig.json": JSON.stringify({ compilerOptions, files: Object.keys(files) }),
    ...files,
  };
  for (const [name, text] of Object.entries(all)) await Bun.write(join(folder.path, name), text);
  const { code, out, err } = await runProgram([process.execPath, "check"], folder.path);
  return code === 0 ? "" : out + err;
}

test("the client's declarations serve whoever has plain rules and an older library", async () => {
  const use = `import { connect, LineError, type Line, type Room } from "./client.js";
    const line: Line = connect("http://127.0.0.1:8080", { token: () => "token", WebSocket, fetch });
    const room: Room<{ text: string }> = line.join<{ text: string }>("general", { since: "start" });
    room.on("gap", ({ reason }) => reason === "reset");
    // @ts-expect-error: another content than the room's
    room.publish({ txt: "hi" });
    for await (const { content } of room) content.text.trim();
    room.publish({ text: "hi" }).catch((error) => error instanceof LineError && error.code);`;
  const options = { ...plain, target: "es2022", lib: ["es2022", "dom"], skipLibCheck: false };
  expect(await check(options, { "use.ts": use })).toBe("");
});

test("the client's declarations say what the client is, and all of it", async () => {
  const same = `import type * as Real from ${JSON.stringify(join(sources, "client/index.ts"))};
    import type * as Told from "./client.js";
    declare const real: typeof Real;
    declare const told: typeof Told;
    export const there: typeof Told = real;
    export const back: typeof Real = told;`;
  const options = { ...plain, target: "esnext", allowImportingTsExtensions: true };
  expect(await check({ ...options, skipLibCheck: true }, { "same.ts": same })).toBe("");
  const index = await readText("src/client/index.ts");
  const lists = [...index.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].map(([, list]) => list);
  const names = lists.join().match(/\w+/g) ?? [];
  const declarations = await readDeclarations();
  const told = [...declarations.matchAll(/^export (?:declare )?\w+ (\w+)/gm)].map(
    ([, name]) => name,
  );
  expect(told.toSorted()).toEqual(
    ["connect", ...names.filter((name) => name !== "type")].toSorted(),
  );
});
