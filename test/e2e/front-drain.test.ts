import { expect, test } from "bun:test";
import type { Line, Room } from "../../src/client/index.ts";
import { FrontNodes, hasFrontPrograms } from "../support/front-nodes.ts";
import type { RunningProxy } from "../support/front-proxy.ts";
import { eventually } from "../support/poll.ts";
import { connectThrough, fetchThrough } from "../support/proxied.ts";
import { ReaderLog } from "../support/reader-log.ts";

const name = "rolling";
const readersMax = 6;
const publishMs = 10;
/** Four proxies and twelve servers share the machine. */
const patienceMs = 60_000;
const flags = ["--drain-window", "500ms", "--retention-messages", "0"];

/** Publishes, and notes where what was acknowledged stands. */
class Publisher {
  readonly #room: Room;
  readonly #timer: Timer;
  readonly acknowledged = new Map<string, string>();
  readonly failures: string[] = [];
  readonly #pending = new Set<Promise<void>>();

  constructor(line: Line, prefix: string) {
    this.#room = line.join(name);
    let count = 0;
    this.#timer = setInterval(() => {
      count += 1;
      const publish = this.#publish(`${prefix}-${count}`);
      this.#pending.add(publish);
      publish.finally(() => this.#pending.delete(publish));
    }, publishMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#pending);
  }

  async #publish(id: string): Promise<void> {
    await this.#room.publish(id, { id }).then(
      (position) => void this.acknowledged.set(id, position),
      (thrown) => void this.failures.push(String(thrown)),
    );
  }
}

/** A reader that notes what it is told, and each time that its line was lost. */
function read(proxy: RunningProxy, transport: "websocket" | "sse", index: number) {
  const line = connectThrough(proxy, { transport });
  const log = new ReaderLog(`${transport} ${index}`);
  const losses: string[] = [];
  let isOpen = false;
  line.on("state", (state) => {
    // A try to come back for which a busy machine took too long is no loss.
    if (state.name === "waiting" && isOpen) losses.push(`${state.code}: ${state.reason}`);
    isOpen = state.name === "open";
  });
  const room = line.join(name, { since: "start" });
  room.on("message", ({ position, id }) => log.message(position, id));
  room.on("gap", (gap) => log.gap(gap));
  return { line, log, losses, room };
}

/** Asks for something, and publishes something, again and again, as programs without our client do. */
class Prober {
  #isStopped = false;
  readonly #loops: Promise<void>[];
  /** Answers by method and status; of a 503, whether it told when to come back. */
  readonly counts: Record<string, number> = {};

  constructor(proxy: RunningProxy) {
    const path = `/rooms/${name}-probe/messages`;
    this.#loops = [
      this.#loop(() => fetchThrough(proxy, path, { keepalive: false }), "GET"),
      this.#loop(
        () => fetchThrough(proxy, path, { method: "POST", body: "x", keepalive: false }),
        "POST",
      ),
    ];
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#loops);
  }

  async #loop(ask: () => Promise<Response>, method: string): Promise<void> {
    while (!this.#isStopped) {
      const answer = await ask().then(
        async (response) => {
          await response.bytes();
          const isTold = response.headers.has("retry-after");
          return `${response.status}${isTold ? " with a delay" : ""}`;
        },
        (thrown) => String(thrown.code),
      );
      const key = `${method} ${answer}`;
      this.counts[key] = (this.counts[key] ?? 0) + 1;
      await Bun.sleep(publishMs / 2);
    }
  }
}

/** What requests are answered while nodes go and come, as the manual says. */
const usual = ["GET 200", "POST 201"];
/** And from a node that leaves, where the proxy does not know of it. */
const unasked = ["GET 503 with a delay", "POST 503 with a delay", "POST 502"];

/** `isTold` marks a node as `down` before it leaves. */
const rounds = [
  { proxy: "nginx", isTold: false },
  { proxy: "nginx", isTold: true },
  { proxy: "haproxy", isTold: false },
  { proxy: "caddy", isTold: false },
] as const;

for (const { proxy, isTold } of rounds) {
  test.concurrent.skipIf(!hasFrontPrograms(proxy))(
    `behind ${proxy}${isTold ? ", told beforehand," : ""} one node after the other leaves, and nobody misses anything`,
    async () => {
      await using front = await FrontNodes.start(proxy, ...flags);
      const readers = Array.from({ length: readersMax }, (_, index) => {
        return read(front.proxy, index % 3 === 2 ? "sse" : "websocket", index);
      });
      const areJoined = () => readers.every(({ room }) => room.isJoined);
      await eventually("all readers", areJoined, patienceMs);
      const lines = (["websocket", "sse"] as const).map((transport) => {
        return connectThrough(front.proxy, { transport });
      });
      const publishers = lines.map((line, index) => new Publisher(line, `p${index}`));
      const prober = new Prober(front.proxy);
      for (const index of front.nodes.keys()) {
        const before = publishers.map(({ acknowledged }) => acknowledged.size);
        if (isTold) await front.markDown(index);
        const outcome = await front.end(index);
        await front.startAgain(index);
        if (isTold) await front.markDown(null);
        await front.reach(index);
        expect(outcome?.code).toBe(0);
        expect(outcome?.err).not.toContain("ran out of time");
        const areMore = () => {
          return publishers.every(({ acknowledged }, at) => acknowledged.size > (before[at] ?? 0));
        };
        await eventually("more messages", areMore, patienceMs);
      }
      await Promise.all([prober, ...publishers].map((part) => part.stop()));
      await eventually("all readers again", areJoined, patienceMs);

      const stored = await readAll(front.proxy);
      const acknowledged = new Map(publishers.flatMap((all) => [...all.acknowledged]));
      expect(publishers.flatMap(({ failures }) => failures)).toEqual([]);
      expect(new Map(stored)).toEqual(acknowledged);
      expect(stored).toHaveLength(acknowledged.size); // none of them twice
      const ids = stored.map(([id]) => id);
      for (const { log, losses } of readers) {
        const isWhole = () => log.ids.length >= ids.length || log.failure !== null;
        await eventually("the last message everywhere", isWhole, patienceMs);
        expect([log.failure, log.gaps]).toEqual([null, []]);
        expect(log.ids).toEqual(ids);
        expect(losses.length, losses.join("\n")).toBeLessThanOrEqual(
          proxy === "nginx" && !isTold ? 4 : 2,
        );
      }
      const accepted = proxy === "nginx" && !isTold ? [...usual, ...unasked] : usual;
      const told = Object.keys(prober.counts).filter((key) => !accepted.includes(key));
      expect(told, JSON.stringify(prober.counts)).toEqual([]);
      for (const line of [...lines, ...readers.map((reader) => reader.line)]) line.close();
    },
    180_000,
  );
}

/** Ids and positions of all that is kept, oldest first. */
async function readAll(proxy: RunningProxy): Promise<[string, string][]> {
  const all: [string, string][] = [];
  for (let since = "start", more = true; more; ) {
    const page = await fetchThrough(proxy, `/rooms/${name}/messages?since=${since}&limit=500`);
    const { messages, position, ...rest } = await page.json();
    for (const message of messages) all.push([message.id, message.position]);
    since = position;
    more = rest.more;
  }
  return all;
}
