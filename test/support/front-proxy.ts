/** nginx, HAProxy and Caddy in front of a server, configured as the manual says. */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { adapt, readExample } from "./manual.ts";
import { eventually } from "./poll.ts";
import { createTemporaryFolder } from "./temporary-folder.ts";

/** The name that the manual's examples serve. */
export const host = "chat.example";

/** What a proxy is started with. Paths lie in `folder`. */
export interface Surroundings {
  readonly port: number;
  readonly target: number;
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

export function nginx(changes: Readonly<Record<string, string>> = {}): FrontProxy {
  return {
    name: "nginx",
    authority: ownCertificate,
    async prepare({ port, target, folder }) {
      const example = await readExample("operations", "nginx");
      const site = adapt(example, {
        "listen 443": `listen 127.0.0.1:${port}`,
        "127.0.0.1:8080": `127.0.0.1:${target}`,
        "/etc/ssl/chat.example/fullchain.pem": join(folder, ownCertificate),
        "/etc/ssl/chat.example/privkey.pem": join(folder, "key.pem"),
        "/var/log/nginx/partyline.log": join(folder, "access.log"),
        ...changes,
      });
      const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => {
        return `${name}_temp_path ${folder}/${name};`;
      });
      const around = `daemon off; master_process off; pid ${folder}/nginx.pid; events {}`;
      const path = join(folder, "nginx.conf");
      await Bun.write(path, `${around}\nhttp {\n${temporary.join("\n")}\n${site}}\n`);
      return ["-c", path, "-p", folder, "-e", "stderr"];
    },
  };
}

export const haproxy: FrontProxy = {
  name: "haproxy",
  authority: ownCertificate,
  async prepare({ port, target, folder }) {
    const pair = join(folder, "both.pem");
    const parts = [ownCertificate, "key.pem"].map((name) => Bun.file(join(folder, name)).text());
    await Bun.write(pair, (await Promise.all(parts)).join(""));
    const path = join(folder, "haproxy.cfg");
    const example = await readExample("operations", "haproxy");
    const adapted = adapt(example, {
      "bind :443": `bind 127.0.0.1:${port}`,
      "127.0.0.1:8080": `127.0.0.1:${target}`,
      "/etc/haproxy/chat.example.pem": pair,
      "maxconn 100000": "maxconn 1000", // this machine's open files
    });
    await Bun.write(path, adapted);
    return ["-db", "-f", path];
  },
};

export const caddy: FrontProxy = {
  name: "caddy",
  authority: "caddy/pki/authorities/local/root.crt",
  async prepare({ port, target, folder }) {
    const example = await readExample("operations", "caddyfile");
    const site = adapt(example, { "127.0.0.1:8080": `127.0.0.1:${target}` });
    // An authority of its own in place of one on the internet, and ports that anybody may open.
    const options = ["admin off", "local_certs", "skip_install_trust", "default_bind 127.0.0.1"];
    const ports = ["auto_https disable_redirects", `https_port ${port}`];
    const path = join(folder, "Caddyfile");
    await Bun.write(path, `{\n  ${[...options, ...ports].join("\n  ")}\n}\n${site}`);
    return ["run", "--config", path, "--adapter", "caddyfile"];
  },
};

const startsMax = 3;

/** Starts a proxy in front of `target`, and waits until a request comes through. */
export async function startProxy(
  program: string,
  proxy: FrontProxy,
  target: number,
): Promise<RunningProxy> {
  const folder = createTemporaryFolder();
  mkdirSync(join(folder.path, "caddy"));
  await makeCertificate(folder.path);
  for (let start = 1; ; start += 1) {
    const port = freePort();
    const words = await proxy.prepare({ port, target, folder: folder.path });
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
          child.kill("SIGKILL");
          await child.exited;
          folder[Symbol.dispose]();
        },
      };
    }
    if (start === startsMax) throw new Error(await Bun.file(`${folder.path}/complaints`).text());
  }
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

/** A port that nobody had a moment ago. */
function freePort(): number {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = probe;
  probe.stop(true);
  return port;
}
