/** A proxy that serves a server below a path, as an administrator's would. */

interface Bridge {
  readonly upstream: WebSocket;
  readonly early: (string | ArrayBuffer)[];
}

/** Starts the proxy. `strays` lists the paths that were asked for outside of the prefix. */
export function startPrefixProxy(target: string, prefix: string) {
  const strays: string[] = [];
  const proxy = Bun.serve<Bridge>({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request, server) {
      const { pathname, search } = new URL(request.url);
      if (!pathname.startsWith(prefix)) {
        strays.push(pathname);
        return new Response("Outside of the prefix", { status: 404 });
      }
      const url = target + pathname.slice(prefix.length) + search;
      if (request.headers.get("upgrade") === null) {
        return fetch(url, { headers: request.headers, signal: request.signal, decompress: false });
      }
      const upstream = new WebSocket(url.replace(/^http/, "ws"), "partyline.v1");
      const data: Bridge = { upstream, early: [] };
      upstream.onmessage = ({ data: frame }) => data.early.push(frame);
      const headers = { "sec-websocket-protocol": "partyline.v1" };
      return server.upgrade(request, { data, headers })
        ? undefined
        : new Response(null, { status: 426 });
    },
    websocket: {
      open(socket) {
        const { upstream, early } = socket.data;
        for (const frame of early) socket.send(frame);
        upstream.onmessage = ({ data }) => void socket.send(data);
        upstream.onclose = () => socket.close();
      },
      message: (socket, frame) => socket.data.upstream.send(frame),
      close: (socket) => socket.data.upstream.close(),
    },
  });
  return {
    url: `http://127.0.0.1:${proxy.port}${prefix}`,
    strays: () => strays,
    [Symbol.asyncDispose]: () => proxy.stop(true),
  };
}
