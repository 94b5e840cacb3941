/** Who hears which channel of Redis on this node. */

import type { RedisSession } from "./redis-session.ts";

/** Hears the messages of a channel. */
export type ChannelListener = (text: string) => void;

/** Channels of one command. */
const channelsMax = 1_000;

interface Channel {
  readonly listeners: Set<ChannelListener>;
  readonly ready: Promise<void>;
}

/**
 * The channels that are heard, whatever session brings them. A session calls back once for each time
 * that it was asked for a channel, so it is asked once: listeners are kept here.
 */
export class RedisChannels {
  readonly #byName = new Map<string, Channel>();

  /** Adds a listener. @throws what the session throws; then it does not listen */
  async add(session: RedisSession, name: string, listener: ChannelListener): Promise<void> {
    const known = this.#byName.get(name);
    if (known !== undefined) {
      known.listeners.add(listener);
      return known.ready;
    }
    // Before Redis has answered: the first message may come with its answer.
    const channel = { listeners: new Set([listener]), ready: session.subscribe([name]) };
    this.#byName.set(name, channel);
    try {
      await channel.ready;
    } catch (thrown) {
      if (this.#byName.get(name) === channel) this.#byName.delete(name);
      throw thrown;
    }
  }

  /** Takes all listeners from a channel; false where there is none. */
  remove(name: string): boolean {
    return this.#byName.delete(name);
  }

  /**
   * Subscribes a new session to all of them. Everything is sent in one turn: right after it somebody
   * may subscribe and unsubscribe.
   */
  async restore(session: RedisSession): Promise<void> {
    const names = [...this.#byName.keys()];
    const sent: Promise<void>[] = [];
    for (let start = 0; start < names.length; start += channelsMax) {
      sent.push(session.subscribe(names.slice(start, start + channelsMax)));
    }
    await Promise.all(sent);
  }

  /** The listeners of a channel. */
  listenersOf(name: string): Iterable<ChannelListener> {
    return this.#byName.get(name)?.listeners ?? [];
  }
}
