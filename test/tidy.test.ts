import { describe, expect, test } from "bun:test";
import { basename, join } from "node:path";
import packageJson from "../package.json" with { type: "json" };
import { errorTable } from "../src/protocol/errors.ts";
import { limits } from "../src/protocol/limits.ts";
import { createConfigTable } from "./support/config-table.ts";
import {
  findCycle,
  listFiles,
  reachable,
  readSources,
  readText,
  root,
} from "./support/source-tree.ts";

const linesMax = 250;
/** The formatter keeps code within 100; a comment may run over by a word. */
const columnsMax = 110;
const bannedNames = /(^|[-.])(utils?|helpers?|common|misc|shared|stuff)([-.]|$)/;

/** What each part of `src` may import, besides itself and packages. */
const hubContracts = ["src/hub/ports.ts", "src/hub/message.ts"];
const leaf = [...hubContracts, "src/protocol/", "src/telemetry/"];
const configFiles = (await listFiles("src/config*.ts")).filter((path) => path !== "src/config.ts");
const mayImport: Readonly<Record<string, readonly string[]>> = {
  "src/protocol/": [],
  "src/telemetry/": [],
  "src/hub/": ["src/protocol/"],
  "src/broker/": leaf,
  "src/auth/": leaf,
  "src/limit/": leaf,
  "src/files/": leaf,
  "src/feeds/": leaf,
  "src/http/": ["hub", "auth", "limit", "files", "protocol", "telemetry"].map((x) => `src/${x}/`),
  "src/client/": ["src/protocol/"],
  "src/cli/": [
    ...["src/config.ts", ...configFiles, "src/server.ts", "src/version.ts"],
    ...["src/client/", "src/protocol/", "src/auth/", "src/broker/", "src/telemetry/"],
  ],
  "src/main.ts": ["src/cli/"],
  "src/version.ts": ["package.json"],
  "src/build.ts": [],
  "public/build.ts": ["public/declarations.ts"],
  "public/declarations.ts": ["src/protocol/"],
  "public/app/": ["src/protocol/", "src/client/"],
  "public/dashboard/": ["src/protocol/", "src/client/", "public/app/"],
};
/** Where reading begins: nothing imports these. */
const entries = [
  "src/main.ts",
  "src/index.ts",
  "src/client/index.ts",
  "src/build.ts",
  "public/build.ts",
];

const sources = await readSources();
const isOurs = (path: string) => path.startsWith("src/") || path.startsWith("public/");

describe("imports", () => {
  test("point one way", () => {
    const wrong: string[] = [];
    for (const { path, imports } of sources.values()) {
      const [part, allowed] =
        Object.entries(mayImport).find(([prefix]) => path.startsWith(prefix)) ?? [];
      if (part === undefined || allowed === undefined) continue;
      for (const { path: target } of imports) {
        if (target === null || target.startsWith(part)) continue;
        if (!allowed.some((prefix) => target.startsWith(prefix))) wrong.push(`${path} → ${target}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test("never go in a circle", () => {
    expect(findCycle(sources)).toBeNull();
  });

  test("lead to files that exist, with their endings", async () => {
    const wrong: string[] = [];
    for (const { path, imports } of sources.values()) {
      for (const { path: target } of imports) {
        if (target !== null && !(await Bun.file(join(root, target)).exists())) {
          wrong.push(`${path} → ${target}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  test("reach every file of src and public, and every support file of the tests", async () => {
    const html = await Promise.all((await listFiles("public/*.html")).map(readText));
    const pages = [...html.join("\n").matchAll(/src="\.?\/?([^":]+\.ts)"/g)].map(
      ([, path]) => `public/${path}`,
    );
    const scripts = [...JSON.stringify(packageJson.scripts).matchAll(/test\/\S+?\.ts/g)];
    const tests = [...sources.keys()].filter((path) => path.endsWith(".test.ts"));
    const benches = [...sources.keys()].filter((path) => path.startsWith("test/bench/"));
    const product = reachable(sources, [...entries, ...pages]);
    const proof = reachable(sources, [...tests, ...benches, ...scripts.map(([path]) => path)]);
    const orphans = [...sources.keys()].filter(
      (path) => !path.endsWith(".d.ts") && !(isOurs(path) ? product : proof).has(path),
    );
    expect(orphans).toEqual([]);
  });
});

describe("files", () => {
  test(`have at most ${linesMax} lines of ${columnsMax} columns`, () => {
    const wrong: string[] = [];
    for (const { path, text } of sources.values()) {
      const lines = text.split("\n");
      if (lines.length - 1 > linesMax && isOurs(path))
        wrong.push(`${path}: ${lines.length - 1} lines`);
      lines.forEach((line, index) => {
        if (line.length > columnsMax && isOurs(path)) wrong.push(`${path}:${index + 1}`);
      });
    }
    expect(wrong).toEqual([]);
  });

  test("are named after one noun in kebab-case, never after what does not fit elsewhere", () => {
    const wrong = [...sources.keys()].filter((path) => {
      const name = basename(path).replace(/(\.test|\.d)?\.ts$/, "");
      return !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) || bannedNames.test(name);
    });
    expect(wrong).toEqual([]);
  });

  test("say in their first line what they are for", () => {
    const wrong = [...sources.values()]
      .filter(({ path, text }) => isOurs(path) && !/^(#!.*\n)?\/\*\*\s/.test(text))
      .map(({ path }) => path);
    expect(wrong).toEqual([]);
  });

  test("hold no enums, default exports, unfinished notes or paths of one machine", async () => {
    const banned = [
      /^(export )?(const )?enum /m,
      /^export default /m,
      /\b(TODO|FIXME|XXX)\b/,
      /(?<![\w.])\/(work|root|home\/(?!me\/)[a-z]+)\//,
    ];
    const wrong: string[] = [];
    const texts = await listFiles("{src,public,test}/**/*.{ts,html,css,md,sql}");
    const others = await listFiles("{.ci/run,*.md,*.json,*.toml}");
    for (const path of [...texts, ...others].filter((path) => path !== "test/tidy.test.ts")) {
      const text = await readText(path);
      for (const pattern of banned) if (pattern.test(text)) wrong.push(`${path}: ${pattern}`);
    }
    expect(wrong).toEqual([]);
  });
});

describe("the manual", () => {
  test("has every error code", async () => {
    const text = await readText("public/docs/protocol.md");
    expect(Object.keys(errorTable).filter((code) => !text.includes(`\`${code}\``))).toEqual([]);
  });

  test("has every limit, by name and with its value", async () => {
    const pages = ["protocol.md", "configuration.md", "limits.md"];
    const texts = await Promise.all(pages.map((page) => readText(`public/docs/${page}`)));
    const lines = texts.join("\n").split("\n");
    const missing = Object.entries(limits).filter(([name, value]) => {
      const forms = [String(value), value.toLocaleString("en"), ...inUnits(value)];
      return !lines.some(
        (line) => line.includes(`\`${name}\``) && forms.some((form) => line.includes(form)),
      );
    });
    expect(missing).toEqual([]);
  });

  test("has every configuration key, as its table prints it", async () => {
    const lines = (await readText("public/docs/configuration.md")).split("\n");
    expect(createConfigTable().filter((row) => !lines.includes(row))).toEqual([]);
  });

  test("says of every runtime dependency why it is there", async () => {
    const paths = ["README.md", ...(await listFiles("public/docs/*.md"))];
    const text = (await Promise.all(paths.map(readText))).join("\n");
    const names = Object.keys(packageJson.dependencies);
    expect(names.filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
  });
});

test("dependencies have exact versions", () => {
  const { dependencies, devDependencies } = packageJson;
  const wrong = Object.entries({ ...dependencies, ...devDependencies }).filter(
    ([, version]) => !/^\d+\.\d+\.\d+$/.test(version),
  );
  expect(wrong).toEqual([]);
});

test("every runtime dependency is imported, and nothing else is", () => {
  const used = new Set<string>();
  for (const { path, imports } of sources.values()) {
    for (const { specifier, path: target } of imports) {
      const isProduct = isOurs(path) && !path.endsWith("/build.ts");
      if (!isProduct || target !== null || /^(bun|node)(:|$)/.test(specifier)) continue;
      used.add(
        specifier
          .split("/")
          .slice(0, specifier.startsWith("@") ? 2 : 1)
          .join("/"),
      );
    }
  }
  expect([...used].sort()).toEqual(Object.keys(packageJson.dependencies).sort());
});

/** The ways in which a manual writes bytes and milliseconds. */
function inUnits(value: number): string[] {
  const forms: string[] = [];
  for (const [unit, factor] of [
    ["KiB", 1_024],
    ["MiB", 1_048_576],
    ["s", 1_000],
  ] as const) {
    if (value % factor === 0) forms.push(`${value / factor} ${unit}`, `${value / factor}${unit}`);
  }
  return forms;
}
