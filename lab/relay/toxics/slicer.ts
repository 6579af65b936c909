/**
 * Cuts chunks into pieces of about `average_size` bytes, give or take `size_variation`, with `delay` microseconds after
 * each. A chunk is halved at a random place near its middle until its parts are small enough, so that no end of it is
 * coarser than the other:
 *
 *     0          18          43          67      77          100
 *     ├───────────┼───────────┼───────────┼───────┼───────────┤
 *
 * Delays below a millisecond are as long as a turn of the loop.
 */
import type { Prng } from "#core/prng.ts";
import { attributeOf, type Chunk, type Toxic } from "./toxic.ts";

const US_PER_MS = 1000;

export const slicer: Toxic = {
  type: "slicer",
  attributes: { average_size: "int", size_variation: "int", delay: "int" },
  start(attributes, prng) {
    // A piece has at least one byte; Toxiproxy with an average of 0 overflows its stack.
    const averageBytes = Math.max(1, attributeOf(attributes, "average_size"));
    const variationBytes = Math.max(0, attributeOf(attributes, "size_variation"));
    const delayMs = Math.max(0, attributeOf(attributes, "delay") / US_PER_MS);
    return {
      take({ bytes }, nowMs) {
        const ends: number[] = [];
        slice(0, bytes.length, averageBytes, variationBytes, prng, ends);
        const pieces: Chunk[] = ends.map((end, index) => ({
          bytes: bytes.subarray(ends[index - 1] ?? 0, end),
          atMs: nowMs + index * delayMs,
        }));
        return { pieces, freeMs: nowMs + pieces.length * delayMs };
      },
    };
  },
};

function slice(
  start: number,
  end: number,
  average: number,
  variation: number,
  prng: Prng,
  ends: number[],
): void {
  if (end - start - average <= variation || end - start <= 1) {
    ends.push(end);
    return;
  }
  const offset = variation > 0 ? prng.integer(0, 2 * variation - 1) - variation : 0;
  const middle = start + Math.floor((end - start) / 2) + offset;
  // A variation above the average may fall outside; both parts must be smaller than the whole.
  const cut = Math.max(start + 1, Math.min(end - 1, middle));
  slice(start, cut, average, variation, prng, ends);
  slice(cut, end, average, variation, prng, ends);
}
