/** The system's programs that some tests need, and where each lies. */

/** One program: any of `commands` will do. */
export interface SystemProgram {
  readonly commands: readonly string[];
  /** What installs it on Debian. */
  readonly debianPackage: string;
  /** Which tests are left out without it. */
  readonly usedBy: string;
}

export const systemPrograms = {
  caddy: {
    commands: ["caddy"],
    debianPackage: "caddy",
    usedBy: "tests behind Caddy",
  },
  chromium: {
    commands: ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"],
    debianPackage: "chromium",
    usedBy: "tests of the web app in a browser",
  },
  curl: {
    commands: ["curl"],
    debianPackage: "curl",
    usedBy: "tests with curl as a client",
  },
  haproxy: {
    commands: ["haproxy", "/usr/sbin/haproxy"],
    debianPackage: "haproxy",
    usedBy: "tests behind HAProxy",
  },
  nginx: {
    commands: ["nginx", "/usr/sbin/nginx"],
    debianPackage: "nginx-light",
    usedBy: "tests behind nginx",
  },
  openssl: {
    commands: ["openssl"],
    debianPackage: "openssl",
    usedBy: "tests of client certificates",
  },
  redis: {
    commands: ["redis-server"],
    debianPackage: "redis-server",
    usedBy: "tests of several nodes over one Redis",
  },
} as const satisfies Record<string, SystemProgram>;

/** The name of a program in the table. */
export type SystemProgramName = keyof typeof systemPrograms;

/**
 * Finds a program. Returns null where it is not installed: tests that need it are then left out.
 * @throws when CI is set, since there nothing may be left out in silence
 */
export function findSystemProgram(name: SystemProgramName): string | null {
  const path = lookUp(systemPrograms[name]);
  if (path === null && process.env.CI) throw new Error(`${name} is not installed, and CI is set.`);
  return path;
}

/** Lists what is not installed. */
export function missingSystemPrograms(): SystemProgram[] {
  return Object.values(systemPrograms).filter((program) => lookUp(program) === null);
}

function lookUp({ commands }: SystemProgram): string | null {
  for (const command of commands) {
    const path = Bun.which(command);
    if (path !== null) return path;
  }
  return null;
}
