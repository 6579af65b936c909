/**
 * `rate` KB/s (1000 bytes) for each connection. What takes longer than 100 ms goes in pieces of 100 ms. At a rate of 0
 * nothing passes; so it does at a negative one, which stops Toxiproxy itself.
 *
 * The line is free when the last byte has gone by its own law, not when a timer said so: timers are late, and lateness
 * must not add up. A line that was idle has no credit beyond that.
 */
import { attributeOf, type Chunk, type Toxic } from "./toxic.ts";

const PIECE_MS = 100;
/** A timer on a busy machine is rarely later. */
const LATE_MS_MAX = 20;

export const bandwidth: Toxic = {
  type: "bandwidth",
  attributes: { rate: "int64" },
  start(attributes) {
    const bytesPerMs = attributeOf(attributes, "rate");
    let freeMs = -Infinity;
    return {
      take(chunk, nowMs) {
        if (bytesPerMs <= 0) return { pieces: [{ bytes: chunk.bytes, atMs: Infinity }] };
        const startMs = Math.max(freeMs, chunk.atMs, nowMs - LATE_MS_MAX);
        freeMs = startMs + chunk.bytes.length / bytesPerMs;
        return { pieces: piecesOf(chunk.bytes, bytesPerMs, startMs) };
      },
    };
  },
};

function piecesOf(bytes: Uint8Array, bytesPerMs: number, startMs: number): Chunk[] {
  const pieces: Chunk[] = [];
  const pieceBytes = bytesPerMs * PIECE_MS;
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const end = Math.min(bytes.length, at + pieceBytes);
    pieces.push({ bytes: bytes.subarray(at, end), atMs: startMs + end / bytesPerMs });
  }
  return pieces;
}
