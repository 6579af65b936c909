/** `--detection`: how a silent failure is found out. */
import { InvalidArgumentError } from "commander";
import type { Detection } from "#sim/change/detection.ts";
import { duration } from "../arguments.ts";

const US_PER_MS = 1_000;
const AFTER_MS_MAX = 600_000;
/** RFC 4271 §4.2: zero, or at least three seconds, in 16 bits; zero detects nothing. */
const HOLD_MS = { min: 3_000, max: 65_535_000 } as const;
const BFD_MULTIPLIER_MAX = 255;
const BFD_INTERVAL_MS_MAX = 4_294_967;

const SAMPLES = "0, 300ms, hold:90s, bfd:3x300ms or check:5s/1s/3";

/**
 * `300ms`: after so long. `hold:90s`: a hold timer. `bfd:3x300ms`: multiplier and interval. `check:I/F/n` or
 * `check:I/F/n/c`: every I, after a failure every F, n failures that take c each.
 */
export function detectionOf(text: string): Detection {
  const [kind, rest] = text.includes(":")
    ? [text.slice(0, text.indexOf(":")), text.slice(text.indexOf(":") + 1)]
    : ["after", text];
  switch (kind) {
    case "after":
      return { kind, us: us(rest, 0, AFTER_MS_MAX) };
    case "hold":
      return { kind, holdUs: us(rest, HOLD_MS.min, HOLD_MS.max) };
    case "bfd": {
      const [, times, interval] = /^(\d{1,3})x(.+)$/.exec(rest) ?? [];
      const multiplier = Number(times);
      if (interval === undefined || multiplier < 1 || multiplier > BFD_MULTIPLIER_MAX) throw refusal();
      return { kind, multiplier, intervalUs: us(interval, 1, BFD_INTERVAL_MS_MAX) };
    }
    case "check": {
      const [interval, fast, count, check = "0", ...more] = rest.split("/");
      if (count === undefined || more.length > 0 || !/^[1-9]\d?$/.test(count)) throw refusal();
      return {
        kind,
        intervalUs: us(interval!, 1, AFTER_MS_MAX),
        fastUs: us(fast!, 1, AFTER_MS_MAX),
        failures: Number(count),
        checkUs: us(check, 0, AFTER_MS_MAX),
      };
    }
    default:
      throw refusal();
  }
}

function us(text: string, minMs: number, maxMs: number): number {
  return duration(minMs, maxMs)(text) * US_PER_MS;
}

function refusal(): InvalidArgumentError {
  return new InvalidArgumentError(`It must be such as ${SAMPLES}.`);
}

/** `hold timer 90 s (60 to 90 s)`. */
export function detectionText(detection: Detection): string {
  switch (detection.kind) {
    case "after":
      return `detected after ${detection.us / US_PER_MS} ms`;
    case "hold":
      return `detected by a hold timer of ${detection.holdUs / 1e6} s at each neighbour`;
    case "bfd":
      return `detected by BFD, ${detection.multiplier} x ${detection.intervalUs / US_PER_MS} ms, at each neighbour`;
    case "check":
      return `detected by a check every ${detection.intervalUs / 1e6} s, ${detection.failures} failures, ${detection.fastUs / 1e6} s between them`;
  }
}
