import { expect, test } from "bun:test";
import { join } from "node:path";
import { buildClient } from "../../public/build.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const gzippedBytesMax = 6_144;

test(`the client is one module without imports, and at most ${gzippedBytesMax} bytes gzipped`, async () => {
  using folder = createTemporaryFolder();
  await buildClient(folder.path);
  const script = await Bun.file(join(folder.path, "client.js")).text();
  const { imports, exports } = new Bun.Transpiler({ loader: "js" }).scan(script);
  expect(imports).toEqual([]);
  expect(exports.toSorted()).toEqual(["LineError", "connect"]);
  // By zlib, as everybody else has it: Bun's own choice packs a little closer.
  const gzipped = Bun.gzipSync(script, { level: 6, library: "zlib" });
  expect(gzipped.length).toBeLessThanOrEqual(gzippedBytesMax);
}, 60_000);
