/**
 * Each chunk leaves `latency` ms, and a draw from [-`jitter`, +`jitter`) more, after it came. Order is kept, so a chunk
 * that drew little waits for one before it that drew much.
 */
import type { Prng } from "#core/prng.ts";
import { attributeOf, type Toxic } from "./toxic.ts";

export const latency: Toxic = {
  type: "latency",
  attributes: { latency: "int64", jitter: "int64" },
  start(attributes, prng) {
    const latencyMs = attributeOf(attributes, "latency");
    const jitterMs = attributeOf(attributes, "jitter");
    return {
      take: ({ bytes, atMs }) => ({ pieces: [{ bytes, atMs: atMs + latencyMs + draw(jitterMs, prng) }] }),
    };
  },
};

function draw(jitterMs: number, prng: Prng): number {
  return jitterMs > 0 ? prng.integer(0, 2 * jitterMs - 1) - jitterMs : 0;
}
