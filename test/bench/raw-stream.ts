/** An SSE client that only counts: cheap enough to have thousands of in one process. */

import type { Tally } from "./raw-socket.ts";

/** Every event with a message ends so; comments, retries and bare ids do not. */
const eventEnd = Buffer.from("}\n\n");

/** Opens a stream and counts its messages in `tally`, and itself in `joins` once bytes come. */
export async function openStream(port: number, path: string, tally: Tally): Promise<void> {
  let isOpen = false;
  let last = Buffer.alloc(0);
  await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      open: (socket) =>
        void socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`),
      data: (_, data) => {
        if (!isOpen) tally.joins += 1;
        isOpen = true;
        // An end may have been cut in two.
        const edge = Buffer.concat([last, data.subarray(0, eventEnd.length - 1)]);
        tally.messages += countEnds(edge) + countEnds(data);
        last = Buffer.concat([last, data]).subarray(-(eventEnd.length - 1));
        tally.onChange();
      },
      close: () => {
        tally.closes += 1;
        tally.onChange();
      },
    },
  });
}

function countEnds(data: Buffer): number {
  let ends = 0;
  for (let at = data.indexOf(eventEnd); at >= 0; at = data.indexOf(eventEnd, at + 1)) ends += 1;
  return ends;
}
