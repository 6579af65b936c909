/**
 * What the daemons of the lab note: when which of them took another best route. While something spreads nobody is asked
 * anything and only the sizes of the logs are looked at: on two cores a question to each of fifteen daemons, or a log
 * read from its beginning, takes as long as what is measured.
 */
import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { sleep } from "#core/host/clock.ts";
import { OBSERVER } from "./bird-config.ts";

const LOOK_MS = 20;
/** `2026-11-25 12:20:01.123456 <TRACE> observer.ipv4 < replaced 203.0.113.0/24 …`: local time. */
const CHANGE = new RegExp(`^(\\S+ \\S+)\\.(\\d{6}) <TRACE> ${OBSERVER}\\.\\S+ < (?:added|replaced|removed) `);
const US_PER_MS = 1_000;

export interface BestChange {
  readonly router: string;
  /** Wall-clock time, µs: of the turn of the daemon's loop in which it was noted. */
  readonly atUs: number;
}

export class RouterLogs {
  /** By router. */
  readonly #files: ReadonlyMap<string, string>;
  readonly #marks = new Map<string, number>();

  constructor(files: ReadonlyMap<string, string>) {
    this.#files = files;
  }

  /** What is noted from now on counts. */
  mark(): void {
    for (const [router, file] of this.#files) this.#marks.set(router, sizeOf(file));
  }

  /** Until something has been noted since the mark, and nothing more for `stillMs`; false when that takes too long. */
  async untilStill(stillMs: number, timeoutMs: number): Promise<boolean> {
    const endMs = performance.now() + timeoutMs;
    let [size, sinceMs] = [this.#size(), performance.now()];
    const first = [...this.#marks.values()].reduce((sum, each) => sum + each, 0);
    while (size === first || performance.now() - sinceMs < stillMs) {
      if (performance.now() > endMs) return false;
      await sleep(LOOK_MS);
      const now = this.#size();
      if (now !== size) [size, sinceMs] = [now, performance.now()];
    }
    return true;
  }

  /** Since the mark, in order of time. */
  changes(): BestChange[] {
    return [...this.#files]
      .flatMap(([router, file]) => {
        const lines = textFrom(file, this.#marks.get(router) ?? 0).split("\n");
        return lines.flatMap((line) => {
          const [, second = "", micros] = CHANGE.exec(line) ?? [];
          if (micros === undefined) return [];
          return [{ router, atUs: Date.parse(second.replace(" ", "T")) * US_PER_MS + Number(micros) }];
        });
      })
      .sort((x, y) => x.atUs - y.atUs);
  }

  #size(): number {
    let sum = 0;
    for (const file of this.#files.values()) sum += sizeOf(file);
    return sum;
  }
}

function sizeOf(file: string): number {
  return existsSync(file) ? statSync(file).size : 0;
}

function textFrom(file: string, offset: number): string {
  const size = sizeOf(file);
  if (size <= offset) return "";
  const bytes = Buffer.alloc(size - offset);
  const descriptor = openSync(file, "r");
  try {
    return bytes.toString("utf8", 0, readSync(descriptor, bytes, 0, bytes.length, offset));
  } finally {
    closeSync(descriptor);
  }
}
