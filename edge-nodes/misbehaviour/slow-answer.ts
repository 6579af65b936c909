/** A share of the requests waits before anything is done for it: a slow dependency, a lock, a collection of garbage. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { after, type Timer } from "#core/host/clock.ts";
import type { Wire } from "../cable.ts";
import type { Bad } from "./bad.ts";
import { Share } from "./share.ts";

export class SlowAnswer implements Bad {
  readonly #share: Share;
  readonly #delayMs: number;
  readonly #waiting = new Map<Timer, () => void>();

  constructor(percent: number, delayMs: number) {
    this.#share = new Share(percent);
    this.#delayMs = delayMs;
  }

  meet(request: IncomingMessage, _response: ServerResponse, serve: () => void): void {
    if (!this.#share.takes()) return serve();
    const timer = after(this.#delayMs, () => {
      this.#waiting.delete(timer);
      const wire = request.socket as unknown as Wire;
      // What nobody waits for is not executed.
      if (!wire.destroyed && !wire.isPeerGone) serve();
    });
    this.#waiting.set(timer, serve);
  }

  /** Those who wait are served at once. */
  async end(): Promise<void> {
    for (const [timer, serve] of this.#waiting) {
      timer.cancel();
      serve();
    }
    this.#waiting.clear();
  }
}
