/** Loses packets of one port of this machine, by the kernel's own packet filter. */

/**
 * Drops so many percent of the packets from and to a port, over TCP and UDP, until disposed. It
 * touches no other port, and its table has a name of its own.
 * @throws when `nft` is missing or this is not root
 */
export function dropPackets(port: number, percent: number): Disposable {
  const table = `partyline_loss_${process.pid}`;
  const drop = `numgen random mod 100 < ${percent} drop`;
  run(`table inet ${table} {
    chain input {
      type filter hook input priority filter; policy accept;
      tcp dport ${port} ${drop}
      tcp sport ${port} ${drop}
      udp dport ${port} ${drop}
      udp sport ${port} ${drop}
    }
  }`);
  return { [Symbol.dispose]: () => run(`delete table inet ${table}`) };
}

function run(commands: string): void {
  if (Bun.which("nft") === null) throw new Error("Losing packets needs nft (Debian: nftables).");
  const { exitCode, stderr } = Bun.spawnSync(["nft", "-f", "-"], { stdin: Buffer.from(commands) });
  if (exitCode !== 0) throw new Error(`nft refused; it must run as root: ${stderr.toString()}`);
}
