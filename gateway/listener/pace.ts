/**
 * Whether a client keeps the pace: of a body that it sends, or of an answer that it reads. Pure; somebody looks at it now and
 * then. Only the time in which the client is waited for counts: while the node is, or the gateway holds the client back, the
 * watch begins anew.
 */
export class PaceWatch {
  #sinceMs = -1;
  #markBytes = 0;

  /** Nothing is known of its pace. */
  beginAnew(): void {
    this.#sinceMs = -1;
  }

  /**
   * `bytes`: how many have passed in all. True: over the last `graceMs` or more they were fewer than `bytesPerSecond`; a client
   * that keeps the pace has `graceMs` anew.
   */
  isTooSlow(bytes: number, isWaitedFor: boolean, nowMs: number, pace: Pace): boolean {
    if (!isWaitedFor || this.#sinceMs === -1) {
      this.#sinceMs = isWaitedFor ? nowMs : -1;
      this.#markBytes = bytes;
      return false;
    }
    const ms = nowMs - this.#sinceMs;
    if (ms < pace.graceMs) return false;
    if ((bytes - this.#markBytes) * 1_000 < pace.bytesPerSecond * ms) return true;
    this.#sinceMs = nowMs;
    this.#markBytes = bytes;
    return false;
  }
}

export interface Pace {
  readonly bytesPerSecond: number;
  readonly graceMs: number;
}
