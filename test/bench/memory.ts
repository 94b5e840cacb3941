/** Memory of 10,000 idle WebSocket connections, against a server that only subscribes them. */

import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { startChild } from "./child.ts";
import { counted, createTally, openSocket, type RawSocket, toFrame } from "./raw-socket.ts";
import { type Finding, median, present, times } from "./report.ts";

const connectionsMax = 10_000;
/** Connections that come and go first, so that code and pools are not counted as theirs. */
const earlyConnections = 500;
const rounds = 3;
const ratioMax = 1.5;
/** Handshakes under way at a time. */
const handshakesMax = 100;

type Entry = "bare-server.ts" | "partyline-server.ts";

/** Compares resident bytes per connection, each measured in a fresh process. */
export async function memory(): Promise<readonly Finding[]> {
  using folder = createTemporaryFolder();
  const options = { config: { data: folder.path } };
  const oneRoom: number[] = [];
  const ownRooms: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    bare.push(await measure("bare-server.ts", { frameBytes: 300 }, 1));
    oneRoom.push(await measure("partyline-server.ts", options, 1));
    ownRooms.push(await measure("partyline-server.ts", options, 1_000));
  }
  const own = median(bare);
  const ratio = median(oneRoom) / own;
  const kib = (bytes: number) => (bytes / 1_024).toFixed(2);
  return [
    {
      what: `memory of ${connectionsMax} idle connections in one room`,
      target: `≤ ${times(ratioMax)} of bare`,
      measured: `${times(ratio)}: ${kib(median(oneRoom))} of ${kib(own)} KiB each`,
      isMet: ratio <= ratioMax,
    },
    {
      what: `the same, in 1,000 rooms of 10`,
      target: "",
      measured: `${times(median(ownRooms) / own)}: ${kib(median(ownRooms))} KiB each`,
      isMet: null,
    },
  ];
}

async function measure(entry: Entry, options: object, rooms: number): Promise<number> {
  using child = await startChild(entry, options);
  const early = await connect(child.port, earlyConnections, rooms);
  for (const socket of early) socket.end();
  await Bun.sleep(500);
  const before = await child.ask("memory");
  const sockets = await connect(child.port, connectionsMax, rooms);
  await Bun.sleep(1_000); // the last presence is told
  const bytes = ((await child.ask("memory")) - before) / connectionsMax;
  for (const socket of sockets) socket.end();
  return bytes;
}

async function connect(port: number, connections: number, rooms: number): Promise<RawSocket[]> {
  const tally = createTally();
  const sockets: RawSocket[] = [];
  for (let first = 0; first < connections; first += handshakesMax) {
    const opening = Array.from({ length: handshakesMax }, async (_, index) => {
      const socket = await openSocket(port, "/ws", tally);
      socket.write(toFrame({ type: "join", room: `room-${(first + index) % rooms}` }));
      sockets.push(socket);
    });
    await Promise.all(opening);
    await counted(tally, () => tally.joins >= sockets.length);
  }
  return sockets;
}

if (import.meta.main) await present([memory]);
