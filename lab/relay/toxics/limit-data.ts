/** Passes `bytes` bytes of each connection and closes it when they have gone. A change of the limit does not forget what has. */
import { attributeOf, passOn, type Chunk, type Flow, type Plan, type Toxic } from "./toxic.ts";

export const limitData: Toxic = {
  type: "limit_data",
  attributes: { bytes: "int64" },
  start: (attributes, _prng, _nowMs, previous) =>
    new LimitedFlow(attributeOf(attributes, "bytes"), previous instanceof LimitedFlow ? previous.passed : 0),
};

class LimitedFlow implements Flow {
  readonly #bytesMax: number;
  passed: number;

  constructor(bytesMax: number, passed: number) {
    this.#bytesMax = bytesMax;
    this.passed = passed;
  }

  take(chunk: Chunk, nowMs: number): Plan {
    const left = Math.max(0, this.#bytesMax - this.passed);
    if (left > chunk.bytes.length) {
      this.passed += chunk.bytes.length;
      return passOn(chunk, nowMs);
    }
    this.passed += left;
    const pieces = left === 0 ? [] : [{ bytes: chunk.bytes.subarray(0, left), atMs: nowMs }];
    return { pieces, closing: { how: "cut", atMs: nowMs } };
  }
}
