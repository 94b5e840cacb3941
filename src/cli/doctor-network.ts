/** Does the name lead anywhere, and does something answer there? */

import { lookup } from "node:dns/promises";
import { connect, isIP, isIPv6 } from "node:net";
import { isLoopback } from "../config-value.ts";
import type { Notes } from "./doctor-finding.ts";
import { answerMs, faultOf, type Visit } from "./doctor-visit.ts";

const addressesMax = 8;

interface Reached {
  readonly address: string;
  readonly ms: number;
  /** Undefined where it answered. */
  readonly code: string | undefined;
  readonly localAddress: string | undefined;
}

/** Tells whether there is anybody to talk to. */
export async function checkNetwork(visit: Visit, notes: Notes): Promise<boolean> {
  const addresses = await resolve(visit, notes);
  if (addresses === undefined) return false;
  const all = await Promise.all(addresses.map((address) => reach(address, visit.port)));
  const reached = all.filter(({ code }) => code === undefined);
  const missed = all.filter(({ code }) => code !== undefined);
  visit.learned.localAddress = reached[0]?.localAddress;
  const seen = all.map(describe).join(", ");
  const numbers = { addresses: all.length, reached: reached.length };
  if (reached.length === 0) {
    notes.fail("connect", seen, adviseUnreached(all, visit.port), numbers);
    return false;
  }
  if (missed.length > 0) {
    const names = missed.map(({ address }) => address).join(", ");
    const advice =
      `Make the server listen there too, open the firewall, or take ${names} out of DNS: ` +
      "a client that tries it first waits in vain.";
    notes.warn("connect", seen, advice, numbers);
  } else {
    notes.ok("connect", seen, { ...numbers, connectMs: round(reached[0]?.ms ?? 0) });
  }
  noteProxy(visit, notes);
  return true;
}

async function resolve({ host }: Visit, notes: Notes): Promise<string[] | undefined> {
  if (isIP(host) > 0) return [host];
  const begin = performance.now();
  try {
    const found = await lookup(host, { all: true });
    const ms = performance.now() - begin;
    const addresses = [...new Set(found.map(({ address }) => address))].slice(0, addressesMax);
    const count = (wanted: boolean) => addresses.filter((each) => isIPv6(each) === wanted).length;
    const [ipv4, ipv6] = [count(false), count(true)];
    const families = [ipv4 > 0 ? "IPv4" : "", ipv6 > 0 ? "IPv6" : ""].filter(Boolean).join(" and ");
    notes.ok("name", `${host} is ${addresses.join(", ")} (${families}), found in ${round(ms)} ms`, {
      ipv4,
      ipv6,
      lookupMs: round(ms),
    });
    return addresses;
  } catch (error) {
    const seen = `No computer by the name of ${host} can be found (${faultOf(error)}).`;
    notes.fail("name", seen, "Check the spelling, and the A and AAAA records of that name.");
    return undefined;
  }
}

function reach(address: string, port: number): Promise<Reached> {
  const { promise, resolve } = Promise.withResolvers<Reached>();
  const begin = performance.now();
  const socket = connect({ host: address, port });
  const end = (code: string | undefined) => {
    const { localAddress } = socket;
    clearTimeout(timer);
    socket.destroy();
    resolve({ address, ms: performance.now() - begin, code, localAddress });
  };
  const timer = setTimeout(() => end("ETIMEDOUT"), answerMs);
  socket.once("connect", () => end(undefined));
  socket.on("error", (error) => end(faultOf(error)));
  return promise;
}

function describe({ address, ms, code }: Reached): string {
  if (code === undefined) return `${address} answers in ${round(ms)} ms`;
  return code === "ECONNREFUSED" ? `${address} refuses` : `${address} does not answer (${code})`;
}

function adviseUnreached(all: readonly Reached[], port: number): string {
  return all.some(({ code }) => code === "ECONNREFUSED")
    ? `Nothing listens on port ${port} there: start the server, or give the port it listens on.`
    : `Let TCP port ${port} through the firewall, and see that the machine is up.`;
}

/** What is fetched goes through it, and what is connected by hand does not. */
function noteProxy({ options: { environment }, host, isSecure }: Visit, notes: Notes): void {
  const names = isSecure ? ["HTTPS_PROXY", "https_proxy"] : ["HTTP_PROXY", "http_proxy"];
  const name = names.find((each) => environment[each]);
  if (name === undefined || isLoopback(host)) return;
  const seen = `${name} is set, so a part of this goes through that proxy.`;
  notes.warn("proxy", seen, `Set NO_PROXY=${host} to see the server without it.`);
}

/** Milliseconds as people read them: tenths below ten. */
export function round(ms: number): number {
  return ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms);
}
