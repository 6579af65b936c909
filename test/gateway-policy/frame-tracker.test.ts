/** Where in a stream of WebSocket frames it stands, however the bytes are cut. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { closeFrame, FrameTracker } from "#gateway/upgrade/frame-tracker.ts";

function frame(payload: number, opcode = 0x2, isMasked = false): Buffer {
  const mask = isMasked ? 0x80 : 0;
  const head =
    payload < 126
      ? [mask | payload]
      : payload < 65_536
        ? [mask | 126, payload >> 8, payload & 0xff]
        : [mask | 127, 0, 0, 0, 0, 0, payload >> 16, (payload >> 8) & 0xff, payload & 0xff];
  return Buffer.concat([
    Buffer.from([0x80 | opcode, ...head]),
    Buffer.alloc((isMasked ? 4 : 0) + payload, 0x88),
  ]);
}

test("between frames exactly where one ends", () => {
  const lengths = fc.array(fc.oneof(fc.nat(130), fc.constantFrom(125, 126, 65_535, 65_536, 70_000)), {
    maxLength: 5,
  });
  fc.assert(
    fc.property(lengths, fc.boolean(), fc.integer({ min: 1, max: 40_000 }), (payloads, isMasked, step) => {
      const tracker = new FrameTracker();
      const frames = payloads.map((payload) => frame(payload, 0x2, isMasked));
      const ends = new Set([0]);
      let total = 0;
      for (const { length } of frames) ends.add((total += length));
      const bytes = Buffer.concat(frames);
      for (let at = 0; at < bytes.length; at += step) {
        tracker.read(bytes.subarray(at, at + step));
        expect(tracker.isBetweenFrames).toBe(ends.has(Math.min(at + step, bytes.length)));
      }
      expect(tracker.hasClosed).toBe(false);
    }),
    { numRuns: 60 },
  );
});

test("a Close frame is seen, byte by byte too; what looks like one inside a message is not", () => {
  const tracker = new FrameTracker();
  for (const byte of Buffer.concat([frame(200), closeFrame(1_012)])) tracker.read(Uint8Array.of(byte));
  expect([tracker.hasClosed, tracker.isBetweenFrames]).toEqual([true, true]);
  expect([...closeFrame(1_012)]).toEqual([0x88, 2, 0x03, 0xf4]);
});
