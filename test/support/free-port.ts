/** Ports for programs that cannot be told to take a free one, or that must find theirs again. */

const portsMin = 10_000;
const portsMax = 20_000;
const attemptsMax = 20;

/** Where this run of the tests looks next: at random, so that two runs at once seldom meet. */
let nextPort = Math.floor(Math.random() * portsMax);

/**
 * Finds a port of this machine that nobody listens on. It lies below those that the system gives to
 * whoever connects, so that it is still free when whoever listened there starts again. None is found
 * twice: whoever asked for it may not listen on it yet.
 */
export function findFreePort(): number {
  for (let attempt = 1; ; attempt += 1) {
    const port = portsMin + nextPort;
    nextPort = (nextPort + 1) % portsMax;
    try {
      Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } }).stop(true);
      return port;
    } catch (thrown) {
      if (attempt === attemptsMax) throw thrown;
    }
  }
}
