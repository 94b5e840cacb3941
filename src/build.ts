/**
 * Builds the executable: `bun src/build.ts` for this machine, `--all` for every platform, and
 * `--outfile <path>` for this machine and elsewhere. Expects the web app in `dist/web`.
 */

import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";

interface Platform {
  /** What the executable is called. */
  readonly name: string;
  readonly target: Bun.Build.CompileTarget;
  /** The package that holds Bun's own executable for it, and how the registry describes it. */
  readonly package: string;
  readonly os: string;
  readonly cpu: string;
}

const root = resolve(import.meta.dir, "..");
const dist = join(root, "dist");
/** Folders that the executable carries, at the same relative paths. */
const assets = ["dist/web", "public/docs"];

const platforms: readonly Platform[] = [
  platform("linux-x64", "bun-linux-x64", "linux-x64", "linux", "x64"),
  platform("linux-arm64", "bun-linux-arm64", "linux-aarch64", "linux", "arm64"),
  platform("linux-x64-musl", "bun-linux-x64-musl", "linux-x64-musl", "linux", "x64"),
  platform("linux-arm64-musl", "bun-linux-arm64-musl", "linux-aarch64-musl", "linux", "arm64"),
  platform("macos-x64", "bun-darwin-x64", "darwin-x64", "darwin", "x64"),
  platform("macos-arm64", "bun-darwin-arm64", "darwin-aarch64", "darwin", "arm64"),
  platform("windows-x64.exe", "bun-windows-x64", "windows-x64", "win32", "x64"),
];

const { values } = parseArgs({
  options: { all: { type: "boolean", default: false }, outfile: { type: "string" } },
});
process.chdir(root); // Embedded files keep the path that leads to them from the working directory.
const missing = assets.filter((folder) => !existsSync(folder));
if (missing.length > 0) {
  throw new Error(`Not there yet: ${missing.join(", ")}; build the web app first (build:web).`);
}
if (values.all) {
  for (const each of platforms) {
    await build(join(dist, `partyline-${each.name}`), each.target, await fetchExecutable(each));
  }
} else {
  const suffix = process.platform === "win32" ? ".exe" : "";
  await build(resolve(values.outfile ?? join(dist, `partyline${suffix}`)));
}

/**
 * Compiles for the target, or for this machine. Whitespace stays: Elysia reads the text of handlers
 * to see what they use, and fails at it when that is minified away (1.4.30). `NODE_ENV` is fixed when
 * an executable is built, not when it is run.
 */
async function build(
  outfile: string,
  target?: Bun.Build.CompileTarget,
  executablePath?: string,
): Promise<void> {
  const startedAt = performance.now();
  await Bun.build({
    entrypoints: ["src/main.ts"],
    compile: {
      outfile,
      assets,
      autoloadDotenv: false,
      autoloadBunfig: false,
      ...(target === undefined ? {} : { target }),
      ...(executablePath === undefined ? {} : { executablePath }),
    },
    minify: { syntax: true, identifiers: true, whitespace: false },
    define: { "process.env.NODE_ENV": JSON.stringify("production") },
    format: "esm",
    bytecode: true,
    sourcemap: "inline",
  });
  // The executable holds its source map; Bun 1.4.5 leaves another beside it.
  await rm(`${outfile.replace(/\.exe$/, "")}.map`, { force: true });
  const megabytes = Math.round(Bun.file(outfile).size / 1e6);
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  console.log(`${relative(root, outfile)} ${megabytes} MB, ${seconds} s`);
}

/**
 * Gets Bun's executable for a platform from the npm registry, through `bun add`, which checks it
 * against the registry's SHA-512; keeps it in `dist` for the next build.
 */
async function fetchExecutable({ package: name, os, cpu }: Platform): Promise<string> {
  const folder = join(dist, "bun", `${name}-${Bun.version}`);
  const suffix = os === "win32" ? ".exe" : "";
  const path = join(folder, "node_modules/@oven", `bun-${name}`, "bin", `bun${suffix}`);
  if (existsSync(path)) return path;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await Bun.write(join(folder, "package.json"), '{ "private": true }\n');
  const wanted = `@oven/bun-${name}@${Bun.version}`;
  const command = ["add", "--exact", "--ignore-scripts", "--silent", `--os=${os}`, `--cpu=${cpu}`];
  const child = Bun.spawn([process.execPath, ...command, wanted], {
    cwd: folder,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if ((await child.exited) !== 0 || !existsSync(path)) {
    throw new Error(`Could not get ${wanted} from the npm registry.`);
  }
  return path;
}

function platform(
  name: string,
  target: Bun.Build.CompileTarget,
  packageName: string,
  os: string,
  cpu: string,
): Platform {
  return { name, target, package: packageName, os, cpu };
}
