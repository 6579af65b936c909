/**
 * What a gateway holds while nobody asks: descriptors, and what keeps its event loop busy, by kind, as its own `/metrics` tell
 * it. Twice at rest, before and after a lot of work, shows what leaks: memory may grow and shrink by a collector's leave, a
 * descriptor or a timer that is still there is one that was forgotten.
 */
import { sleep } from "#core/host/clock.ts";

/** For the ends of connections to come through, and for what waits in coarse timers. */
const SETTLE_MS = 2_000;
const LOOKS = 10;
const BETWEEN_MS = 250;

/** By name: `descriptors`, and the kinds that Node tells (`Timeout`, `TCPSocketWrap`, …). */
export type Held = Readonly<Record<string, number>>;

/** The least of several looks: a check that is under way at one of them is no leak. */
export async function heldAtRest(metricsUrl: string): Promise<Held> {
  await sleep(SETTLE_MS);
  const looks: Held[] = [];
  for (let count = 0; count < LOOKS; count++) {
    looks.push(heldIn(await (await fetch(metricsUrl)).text()));
    await sleep(BETWEEN_MS);
  }
  return leastOf(looks);
}

export function heldIn(metrics: string): Held {
  const held: Record<string, number> = {};
  const descriptors = /^process_open_fds (\d+)/m.exec(metrics)?.[1];
  if (descriptors === undefined) throw new Error("the metrics have no process_open_fds");
  held["descriptors"] = Number(descriptors);
  for (const [, kind, count] of metrics.matchAll(/^nodejs_active_resources\{type="(\w+)"\} (\d+)/gm)) {
    held[kind!] = Number(count);
  }
  return held;
}

/** What a look does not name, it has none of. */
export function leastOf(looks: readonly Held[]): Held {
  const kinds = new Set(looks.flatMap((look) => Object.keys(look)));
  return Object.fromEntries(
    [...kinds].map((kind) => [kind, Math.min(...looks.map((look) => look[kind] ?? 0))]),
  );
}

/** Sentences; `slack` of each kind may be more than before. */
export function leaksBetween(before: Held, after: Held, slack: number): string[] {
  return Object.entries(after)
    .filter(([kind, count]) => count > (before[kind] ?? 0) + slack)
    .map(([kind, count]) => `${kind}: ${before[kind] ?? 0} -> ${count}`);
}
