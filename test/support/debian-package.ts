/** Installing Debian's packages, where it may be done: as root, on Debian. */

const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };

/** Tells whether {@link installDebianPackages} can do anything here. */
export function mayInstallDebianPackages(): boolean {
  return process.getuid?.() === 0 && Bun.which("apt-get") !== null;
}

/** Installs packages. Whoever asked looks afterwards whether they are there. */
export async function installDebianPackages(packages: readonly string[]): Promise<void> {
  console.log(`Installing ${packages.join(", ")}.`);
  const quiet = ["-y", "-qq", "-o", "Dpkg::Use-Pty=0"];
  const install = ["install", ...quiet, "--no-install-recommends", ...packages];
  // Mirrors fail now and then, so the whole of it is tried twice.
  if (!((await apt("update", "-qq")) && (await apt(...install)))) {
    await apt("update", "-qq");
    await apt(...install);
  }
}

async function apt(...given: string[]): Promise<boolean> {
  const child = Bun.spawn(["apt-get", ...given], {
    env: environment,
    stdio: ["ignore", "ignore", "inherit"],
  });
  return (await child.exited) === 0;
}
