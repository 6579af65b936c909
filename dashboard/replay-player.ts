/**
 * The page's way through a recording: it plays forwards or backwards, stops, or is pulled to a moment. Its server keeps
 * nothing of that: a stream is opened from where the page is, and a moment is asked for. While it is pulled, only the
 * newest moment counts.
 */
import type { ReplayFrame } from "../core/wire/replay.ts";

export interface PlayerHandlers {
  readonly onFrame: (frame: ReplayFrame) => void;
  /** It came to an end, or was stopped. */
  readonly onStopped: () => void;
  readonly onLost: () => void;
}

export class ReplayPlayer {
  readonly #handlers: PlayerHandlers;
  #source: EventSource | undefined;
  #wantedUs: number | undefined;
  #isAsking = false;

  constructor(handlers: PlayerHandlers) {
    this.#handlers = handlers;
  }

  /** `speed` below 0 plays backwards. */
  play(fromUs: number, speed: number): void {
    this.stop();
    const source = new EventSource(`/api/v1/replay/stream?at=${Math.round(fromUs)}&speed=${speed}`);
    this.#source = source;
    source.addEventListener("frame", (message: MessageEvent<string>) => {
      if (source === this.#source) this.#handlers.onFrame(JSON.parse(message.data) as ReplayFrame);
    });
    source.addEventListener("end", () => {
      if (source === this.#source) this.stop();
    });
    source.addEventListener("error", () => {
      if (source !== this.#source) return;
      this.stop();
      this.#handlers.onLost();
    });
  }

  stop(): void {
    // Told apart from a broken line, which the browser would mend by itself from the same place as before.
    this.#source?.close();
    this.#source = undefined;
    this.#handlers.onStopped();
  }

  seek(atUs: number): void {
    this.stop();
    this.#wantedUs = Math.round(atUs);
    if (!this.#isAsking) void this.#ask();
  }

  async #ask(): Promise<void> {
    this.#isAsking = true;
    try {
      while (this.#wantedUs !== undefined) {
        const atUs = this.#wantedUs;
        this.#wantedUs = undefined;
        const frame = await frameAt(atUs);
        // Whoever presses play meanwhile is further on.
        if (this.#source === undefined && this.#wantedUs === undefined) this.#handlers.onFrame(frame);
      }
    } catch {
      this.#handlers.onLost();
    } finally {
      this.#isAsking = false;
    }
  }
}

export async function frameAt(atUs: number): Promise<ReplayFrame> {
  const reply = await fetch(`/api/v1/replay/frame?at=${atUs}`);
  if (!reply.ok) throw new Error(`status ${reply.status}`);
  return (await reply.json()) as ReplayFrame;
}
