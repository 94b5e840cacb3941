/** How the line of a command stands: said to people, waited for, given up. */

import { type Line, LineError, type LineState, type Room } from "../client/index.ts";
import { SetupError, type Target } from "./connection-options.ts";
import { formatSeconds } from "./quantity.ts";
import { findObstacle, type Obstacle } from "./reachability.ts";
import { toVisible } from "./visible-text.ts";

/**
 * Says on standard error how a line stands, until it is closed. `onHopeless` hears why it will never
 * be open, such as a certificate that nobody trusts.
 */
export function tellStates(
  line: Line,
  target: Target,
  complain: (text: string) => void,
  onHopeless: (obstacle: Obstacle) => void,
): void {
  let hasOpened = false;
  line.on("state", (state) => {
    if (state.name === "open") {
      const way =
        state.transport === "sse" ? " over SSE, since WebSocket does not get through" : "";
      complain(hasOpened ? `Connected again${way}.\n` : `Connected to ${target.url}${way}.\n`);
      hasOpened = true;
    } else if (state.name === "waiting") {
      tellWait(line, state, target, hasOpened, complain, onHopeless);
    }
  });
}

/** Says what is waited for. `reason` is a sentence, of ours or foreign. */
export function formatWait(reason: string, waitMs: number): string {
  const when = waitMs < 50 ? "at once" : `in ${formatSeconds(waitMs)}`;
  return `${toVisible(reason)} Trying again ${when}.\n`;
}

async function tellWait(
  line: Line,
  state: LineState & { name: "waiting" },
  target: Target,
  hasOpened: boolean,
  complain: (text: string) => void,
  onHopeless: (obstacle: Obstacle) => void,
): Promise<void> {
  const isMute = state.code === undefined || state.code === "unavailable";
  const obstacle = isMute ? await findObstacle(target) : undefined;
  if (line.state.name === "open" || line.state.name === "closed") return; // told already
  if (obstacle?.isLasting === true && !hasOpened) return onHopeless(obstacle);
  const waitMs = Math.max(state.retryAt - Date.now(), 0);
  const reason = obstacle?.sentence ?? state.reason;
  complain(formatWait(reason, waitMs));
}

/** Resolves to where a room is joined. @throws LineError when it cannot be */
export function joined(line: Line, room: Room): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  room.on("joined", ({ position }) => resolve(position));
  room.on("error", reject);
  line.on("state", (state) => {
    if (state.name === "closed") reject(new LineError(state.code ?? "closed", state.reason));
  });
  return promise;
}

/** Calls `onLate` once a line was not open for `withinMs` milliseconds at a stretch; 0 means never. */
export function giveUpAfter(
  line: Line,
  withinMs: number,
  onLate: (error: SetupError) => void,
): void {
  if (withinMs === 0) return;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = ({ name }: LineState) => {
    if (name === "open" || name === "closed") {
      clearTimeout(timer);
      timer = undefined;
      return;
    }
    timer ??= setTimeout(() => {
      onLate(new SetupError(`There was no connection for ${formatSeconds(withinMs)}; gave up.`));
    }, withinMs);
  };
  look(line.state);
  line.on("state", look);
}
