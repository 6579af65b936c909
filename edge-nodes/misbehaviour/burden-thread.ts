/** The thread of a `Burden`: computes a share of the time, or holds memory and touches it so that it stays in use. */
import { workerData } from "node:worker_threads";
import { every, nowMs } from "#core/host/clock.ts";
import type { BurdenOrder } from "./burden.ts";

/** Of each so many milliseconds a share is computed: short against anything that is measured of a node. */
const PERIOD_MS = 20;
const TOUCH_MS = 1_000;
const PAGE_BYTES = 4_096;
const PIECE_BYTES = 16 * 1024 * 1024;

const order = workerData as BurdenOrder;
if (order.kind === "cpu") burn((order.percent / 100) * PERIOD_MS);
else hold(order.bytes);

function burn(busyMs: number): void {
  every(PERIOD_MS, () => {
    for (const untilMs = nowMs() + busyMs; nowMs() < untilMs;);
  });
}

function hold(bytes: number): void {
  const pieces: Buffer[] = [];
  for (let left = bytes; left > 0; left -= PIECE_BYTES)
    pieces.push(Buffer.alloc(Math.min(left, PIECE_BYTES), 1));
  every(TOUCH_MS, () => {
    for (const piece of pieces) for (let at = 0; at < piece.length; at += PAGE_BYTES) piece[at]! ^= 1;
  });
}
