/**
 * Runs before the tests: installs the system's programs that they need where it may, which is as root
 * on Debian, and says elsewhere what is left out. Fails when something is missing and CI is set.
 */

import { installDebianPackages, mayInstallDebianPackages } from "./debian-package.ts";
import { missingSystemPrograms } from "./system-program.ts";

const missing = missingSystemPrograms();
if (missing.length > 0 && mayInstallDebianPackages()) {
  await installDebianPackages(missing.map(({ debianPackage }) => debianPackage));
}
const stillMissing = missingSystemPrograms();
for (const { commands, debianPackage, usedBy } of stillMissing) {
  console.log(`Left out: ${usedBy}, since ${commands[0]} (${debianPackage}) is not installed.`);
}
if (stillMissing.length > 0 && process.env.CI) process.exitCode = 1;
