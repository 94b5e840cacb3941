/**
 * Runs before the tests: installs the system's programs that they need where it may, which is as root
 * on Debian, and says elsewhere what is left out. Fails when something is missing and CI is set.
 */

import { missingSystemPrograms } from "./system-program.ts";

const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
const missing = missingSystemPrograms();
if (missing.length > 0 && process.getuid?.() === 0 && Bun.which("apt-get") !== null) {
  const packages = missing.map(({ debianPackage }) => debianPackage);
  console.log(`Installing ${packages.join(", ")}.`);
  const quiet = ["-y", "-qq", "-o", "Dpkg::Use-Pty=0"];
  const install = ["install", ...quiet, "--no-install-recommends", ...packages];
  // Mirrors fail now and then, so the whole of it is tried twice.
  if (!((await apt("update", "-qq")) && (await apt(...install)))) {
    await apt("update", "-qq");
    await apt(...install);
  }
}
const stillMissing = missingSystemPrograms();
for (const { commands, debianPackage, usedBy } of stillMissing) {
  console.log(`Left out: ${usedBy}, since ${commands[0]} (${debianPackage}) is not installed.`);
}
if (stillMissing.length > 0 && process.env.CI) process.exitCode = 1;

async function apt(...given: string[]): Promise<boolean> {
  const child = Bun.spawn(["apt-get", ...given], {
    env: environment,
    stdio: ["ignore", "ignore", "inherit"],
  });
  return (await child.exited) === 0;
}
