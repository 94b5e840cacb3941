/** The project's files as text, and what they import: the material of the tidy test. */

import { dirname, join, normalize, resolve } from "node:path";

/** The folder that holds package.json. */
export const root = resolve(import.meta.dir, "../..");

/** One import as it stands in a file; `path` is relative to the root, null for a package. */
export interface Import {
  readonly specifier: string;
  readonly path: string | null;
}

/** One file. `path` is relative to the root, with slashes. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
}

/** Reads the TypeScript files of `src`, `public` and `test`, by path. */
export async function readSources(): Promise<ReadonlyMap<string, SourceFile>> {
  const sources = new Map<string, SourceFile>();
  for (const path of await listFiles("{src,public,test}/**/*.ts")) {
    const text = await Bun.file(join(root, path)).text();
    sources.set(path, { path, text, imports: readImports(path, text) });
  }
  return sources;
}

/** Lists files that match a pattern, sorted, by path relative to the root. */
export async function listFiles(pattern: string): Promise<string[]> {
  const paths = await Array.fromAsync(new Bun.Glob(pattern).scan({ cwd: root, dot: true }));
  return paths.map((path) => path.replaceAll("\\", "/")).sort();
}

/** Reads a file by path relative to the root. Returns "" where there is none. */
export async function readText(path: string): Promise<string> {
  const file = Bun.file(join(root, path));
  return (await file.exists()) ? file.text() : "";
}

/** Finds a chain of imports that comes back to its start, or returns null. */
export function findCycle(sources: ReadonlyMap<string, SourceFile>): string[] | null {
  const done = new Set<string>();
  const chain: string[] = [];
  function visit(path: string): string[] | null {
    if (done.has(path)) return null;
    const start = chain.indexOf(path);
    if (start >= 0) return [...chain.slice(start), path];
    chain.push(path);
    for (const { path: next } of sources.get(path)?.imports ?? []) {
      const cycle = next === null ? null : visit(next);
      if (cycle !== null) return cycle;
    }
    chain.pop();
    done.add(path);
    return null;
  }
  for (const path of sources.keys()) {
    const cycle = visit(path);
    if (cycle !== null) return cycle;
  }
  return null;
}

/** Lists all that the given files lead to, themselves among it. */
export function reachable(
  sources: ReadonlyMap<string, SourceFile>,
  from: readonly string[],
): ReadonlySet<string> {
  const seen = new Set(from);
  for (const path of seen) {
    for (const { path: next } of sources.get(path)?.imports ?? []) if (next) seen.add(next);
  }
  return seen;
}

/**
 * Type imports count too, which a bundler's scanner leaves out; formatted code is regular enough to
 * be read by its shape.
 */
function readImports(path: string, text: string): Import[] {
  const imports: Import[] = [];
  const code = text.replace(/^\s*(\/\/|\/?\*).*$/gm, "");
  const shape =
    /^(?:import|export)\s[^;"']*?from "([^"]+)"|^import "([^"]+)"|\bimport\(\s*"([^"]+)"|new URL\("(\.[^"]+\.ts)", import\.meta\.url/gm;
  for (const match of code.matchAll(shape)) {
    const specifier = match.slice(1).find((part) => part !== undefined) ?? "";
    const isRelative = specifier.startsWith(".");
    const target = isRelative ? normalize(join(dirname(path), specifier)) : null;
    imports.push({ specifier, path: target?.replaceAll("\\", "/") ?? null });
  }
  return imports;
}
