/**
 * Ours: in each stretch of `interval` bytes one byte is another than it was, after the first `skip` bytes of the direction
 * are through (the head of an HTTP answer, for one). Which one and what it becomes is drawn from the seed by its place in
 * the stream: how the stream was cut into chunks makes no difference. An interval of 0 corrupts nothing.
 *
 * Real networks hardly ever do this, as TCP's checksum finds most of it; broken memory and broken middle boxes do.
 */
import type { Prng } from "#core/prng.ts";
import { attributeOf, type Toxic } from "./toxic.ts";

const BYTE_MAX = 255;

export const corrupt: Toxic = {
  type: "corrupt",
  attributes: { interval: "int64", skip: "int64" },
  start(attributes, prng) {
    const interval = attributeOf(attributes, "interval");
    const next = victims(interval, Math.max(0, attributeOf(attributes, "skip")), prng);
    let passed = 0;
    let victim = next();
    return {
      take({ bytes }, nowMs) {
        let changed: Uint8Array | undefined;
        while (victim.at < passed + bytes.length) {
          changed ??= Uint8Array.from(bytes);
          changed[victim.at - passed]! ^= victim.mask;
          victim = next();
        }
        passed += bytes.length;
        return { pieces: [{ bytes: changed ?? bytes, atMs: nowMs }] };
      },
    };
  },
};

interface Victim {
  /** Offset in the stream. */
  readonly at: number;
  readonly mask: number;
}

/** Offsets counted from the flow's start, one in each stretch, ascending. */
function victims(interval: number, skip: number, prng: Prng): () => Victim {
  let stretch = skip;
  return () => {
    if (interval <= 0) return { at: Infinity, mask: 0 };
    const at = stretch + prng.integer(0, interval - 1);
    stretch += interval;
    return { at, mask: prng.integer(1, BYTE_MAX) };
  };
}
