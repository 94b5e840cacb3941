/**
 * The programs that suites need: found, or installed from Debian's packages, from PyPI and through
 * the Go module proxy. What is not Debian's goes into a cache folder, by the versions that are asked for.
 */

import { existsSync, readFileSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { installDebianPackages, mayInstallDebianPackages } from "../support/debian-package.ts";

/** Programs by name, with what installs each on Debian. */
const debian = {
  go: { packages: ["golang-go"], check: ["go", "version"] },
  openssl: { packages: ["openssl"], check: ["openssl", "version"] },
  python: {
    packages: ["python3", "python3-venv"],
    check: ["python3", "-c", "import ensurepip, sys; sys.exit(sys.version_info < (3, 10))"],
  },
  slowhttptest: { packages: ["slowhttptest"], check: ["slowhttptest", "-h"] },
  socat: { packages: ["socat"], check: ["socat", "-V"] },
  testssl: {
    packages: ["testssl.sh", "bsdextrautils", "dnsutils", "procps"],
    check: ["testssl", "--version"],
  },
} as const;

/** The name of something a suite needs. */
export type Tool = keyof typeof debian;

const goFolder = join(import.meta.dir, "go");
const requirements = join(import.meta.dir, "requirements.txt");

/** Where the programs of suites are. */
export class Toolbox {
  readonly #folder: string;

  /** `folder` is the cache; by default one in the user's own. */
  constructor(folder?: string) {
    const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
    this.#folder = folder ?? join(cache, "partyline-conformance");
  }

  /** Installs what is missing and can be installed. Returns what is still missing, with the reason. */
  async prepare(tools: ReadonlySet<Tool>): Promise<ReadonlyMap<Tool, string>> {
    const absent = [...tools].filter((tool) => !isThere(tool));
    if (absent.length > 0 && mayInstallDebianPackages()) {
      await installDebianPackages(absent.flatMap((tool) => debian[tool].packages));
    }
    const missing = new Map<Tool, string>();
    for (const tool of tools) {
      if (isThere(tool)) continue;
      missing.set(tool, `${debian[tool].packages.join(" and ")} (Debian) is not installed`);
    }
    for (const tool of ["python", "go"] as const) {
      if (!tools.has(tool) || missing.has(tool)) continue;
      const install = () => (tool === "python" ? this.#installPython() : this.#buildGo());
      // Registries fail now and then.
      await install()
        .catch(install)
        .catch((thrown) => missing.set(tool, String(thrown)));
    }
    return missing;
  }

  /** A program of the virtual environment: `python`. */
  python(name: string): string {
    return join(this.#folder, `python-${hash(requirements)}`, "bin", name);
  }

  /** A program built from the Go module: `h2spec`, `clients`. */
  go(name: string): string {
    return join(
      this.#folder,
      `go-${hash(join(goFolder, "go.sum"), join(goFolder, "main.go"))}`,
      name,
    );
  }

  async #installPython(): Promise<void> {
    const mark = this.python("installed");
    if (existsSync(mark)) return;
    const folder = join(mark, "..", "..");
    await rm(folder, { recursive: true, force: true });
    await runTool(["python3", "-m", "venv", folder]);
    const quiet = ["--quiet", "--disable-pip-version-check", "--only-binary", ":all:"];
    await runTool([this.python("pip"), "install", ...quiet, "-r", requirements]);
    await Bun.write(mark, "");
  }

  async #buildGo(): Promise<void> {
    const environment = { GOTOOLCHAIN: "local", GOFLAGS: "-buildvcs=false" };
    await mkdir(this.go("."), { recursive: true });
    for (const [name, path] of [
      ["h2spec", "github.com/summerwind/h2spec/cmd/h2spec"],
      ["clients", "."],
    ] as const) {
      if (existsSync(this.go(name))) continue;
      await runTool(["go", "build", "-o", this.go(name), path], goFolder, environment);
    }
  }
}

/**
 * Runs a program to its end and returns what it wrote to standard output.
 * @throws when it ends with another code than 0, or one of `codes`, or not within ten minutes
 */
export async function runTool(
  command: readonly string[],
  cwd = process.cwd(),
  environment: Readonly<Record<string, string>> = {},
  codes: readonly number[] = [0],
): Promise<string> {
  const child = Bun.spawn([...command], {
    cwd,
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 600_000,
  });
  const [code, out, err] = await Promise.all([
    child.exited,
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  if (codes.includes(code)) return out;
  throw new Error(
    `${command.slice(0, 3).join(" ")} ended with ${code}: ${(err || out).slice(-500)}`,
  );
}

function isThere(tool: Tool): boolean {
  const { check } = debian[tool];
  if (Bun.which(check[0]) === null) return false;
  if (tool !== "python") return true;
  return Bun.spawnSync([...check], { stdio: ["ignore", "ignore", "ignore"] }).success;
}

function hash(...paths: readonly string[]): string {
  const hasher = new Bun.CryptoHasher("sha256");
  for (const path of paths) hasher.update(readFileSync(path));
  return hasher.digest("hex").slice(0, 12);
}
