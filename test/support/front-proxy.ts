/** nginx, HAProxy and Caddy in front of one server or two, configured as the manual says. */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { findFreePort } from "./free-port.ts";
import { adapt, readExample } from "./manual.ts";
import { eventually } from "./poll.ts";
import { createTemporaryFolder } from "./temporary-folder.ts";

/** The name that the manual's examples serve. */
export const host = "chat.example";

/** What a proxy is started with. `targets` are the servers' ports, one or two. */
export interface Surroundings {
  readonly port: number;
  readonly targets: readonly number[];
  readonly folder: string;
}

/** How one proxy is run. */
export interface FrontProxy {
  readonly name: "nginx" | "haproxy" | "caddy";
  /** Writes its configuration and returns the words that start it in the foreground. */
  prepare(surroundings: Surroundings): Promise<readonly string[]>;
  /** Where the authority of its certificate is, below the folder. */
  readonly authority: string;
}

/** A proxy that runs; it ends with its `await using` block. */
export interface RunningProxy extends AsyncDisposable {
  readonly port: number;
  readonly folder: string;
  readonly authority: string;
}

const ownCertificate = "cert.pem";
/** The servers' addresses in the manual: of one alone, and of the two of several. */
const aloneAddress = "127.0.0.1:8080";
const severalAddresses = ["10.0.0.11:8080", "10.0.0.12:8080"];

export function nginx(changes: Readonly<Record<string, string>> = {}): FrontProxy {
  return {
    name: "nginx",
    authority: ownCertificate,
    async prepare({ port, targets, folder }) {
      const upstream = /^upstream [\s\S]*?^}$/m;
      const example = await aimAt(targets, "nginx", "listen 443", "least_conn;", upstream);
      const site = adapt(example, {
        "listen 443": `listen 127.0.0.1:${port}`,
        "/etc/ssl/chat.example/fullchain.pem": join(folder, ownCertificate),
        "/etc/ssl/chat.example/privkey.pem": join(folder, "key.pem"),
        "/var/log/nginx/partyline.log": join(folder, "access.log"),
        ...changes,
      });
      const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => {
        return `${name}_temp_path ${folder}/${name};`;
      });
      const around = `daemon off; worker_processes 1; pid ${folder}/nginx.pid; events {}`;
      const path = join(folder, "nginx.conf");
      await Bun.write(path, `${around}\nhttp {\n${temporary.join("\n")}\n${site}}\n`);
      return ["-c", path, "-p", folder, "-e", "stderr"];
    },
  };
}

export function haproxy(changes: Readonly<Record<string, string>> = {}): FrontProxy {
  return {
    name: "haproxy",
    authority: ownCertificate,
    async prepare({ port, targets, folder }) {
      const pair = join(folder, "both.pem");
      const parts = [ownCertificate, "key.pem"].map((name) => Bun.file(join(folder, name)).text());
      await Bun.write(pair, (await Promise.all(parts)).join(""));
      const path = join(folder, "haproxy.cfg");
      const backend = /^backend [\s\S]*/m;
      const example = await aimAt(targets, "haproxy", "bind :443", "balance leastconn", backend);
      const adapted = adapt(example, {
        "bind :443": `bind 127.0.0.1:${port}`,
        "/etc/haproxy/chat.example.pem": pair,
        "maxconn 100000": "maxconn 1000", // this machine's open files
        ...changes,
      });
      await Bun.write(path, adapted);
      return ["-db", "-f", path];
    },
  };
}

export function caddy(changes: Readonly<Record<string, string>> = {}): FrontProxy {
  return {
    name: "caddy",
    authority: "caddy/pki/authorities/local/root.crt",
    async prepare({ port, targets, folder }) {
      const block = /^ {4}reverse_proxy [\s\S]*?^ {4}}$/m;
      const example = await aimAt(targets, "caddyfile", "respond /metrics", "lb_policy", block);
      const site = adapt(example, changes);
      // An authority of its own in place of one on the internet, and ports that anybody may open.
      const options = ["admin off", "local_certs", "skip_install_trust", "default_bind 127.0.0.1"];
      const ports = ["auto_https disable_redirects", `https_port ${port}`];
      const path = join(folder, "Caddyfile");
      await Bun.write(path, `{\n  ${[...options, ...ports].join("\n  ")}\n}\n${site}`);
      return ["run", "--config", path, "--adapter", "caddyfile"];
    },
  };
}

const startsMax = 3;

/** Starts a proxy in front of the servers of these ports, and waits until a request comes through. */
export async function startProxy(
  program: string,
  proxy: FrontProxy,
  targets: readonly number[],
): Promise<RunningProxy> {
  const folder = createTemporaryFolder();
  mkdirSync(join(folder.path, "caddy"));
  await makeCertificate(folder.path);
  for (let start = 1; ; start += 1) {
    const port = findFreePort();
    const words = await proxy.prepare({ port, targets, folder: folder.path });
    const child = Bun.spawn([program, ...words], {
      env: { PATH: process.env.PATH, HOME: folder.path, XDG_DATA_HOME: folder.path },
      stdio: ["ignore", "ignore", Bun.file(join(folder.path, "complaints"))],
    });
    const outcome = await eventually(`${proxy.name} to answer, or to end`, async () => {
      if (child.exitCode !== null) return "ended";
      return (await isReachable(port)) && "answers";
    }).catch((thrown) => {
      child.kill("SIGKILL");
      throw thrown;
    });
    if (outcome === "answers") {
      return {
        port,
        folder: folder.path,
        authority: join(folder.path, proxy.authority),
        async [Symbol.asyncDispose]() {
          child.kill("SIGTERM"); // so that nginx takes its worker along
          await child.exited;
          folder[Symbol.dispose]();
        },
      };
    }
    if (start === startsMax) throw new Error(await Bun.file(`${folder.path}/complaints`).text());
  }
}

/**
 * Takes a proxy's file from the manual, found by `mark`. For several servers `part` of it gives way to
 * what the manual has for them, found by `severalMark`.
 */
async function aimAt(
  targets: readonly number[],
  language: string,
  mark: string,
  severalMark: string,
  part: RegExp,
): Promise<string> {
  const alone = await readExample("operations", language, mark);
  const isAlone = targets.length === 1;
  const several = isAlone ? "" : await readExample("operations", language, severalMark);
  const text = isAlone ? alone : alone.replace(part, () => several);
  const addresses = isAlone ? [aloneAddress] : severalAddresses;
  const aims = addresses.map((address, index) => [address, `127.0.0.1:${targets[index]}`]);
  return adapt(text, Object.fromEntries(aims));
}

/** Tells whether a request comes through: proxies listen before they know that a server is there. */
async function isReachable(port: number): Promise<boolean> {
  const headers = { host };
  const tls = { rejectUnauthorized: false, serverName: host };
  const answer = await fetch(`https://127.0.0.1:${port}/livez`, { headers, tls }).catch(() => null);
  return answer !== null && answer.status < 500;
}

async function makeCertificate(folder: string): Promise<void> {
  const subject = ["-subj", `/CN=${host}`, "-addext", `subjectAltName=DNS:${host}`];
  const files = ["-keyout", "key.pem", "-out", ownCertificate, "-days", "2"];
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const command = ["openssl", "req", "-x509", ...key, ...files, ...subject];
  const child = Bun.spawn(command, { cwd: folder, stdio: ["ignore", "ignore", "ignore"] });
  if ((await child.exited) !== 0) throw new Error("openssl made no certificate.");
}
