/** All toxics, by the type that people type. */
import { bandwidth } from "./bandwidth.ts";
import { blackhole } from "./blackhole.ts";
import { connectionLoss } from "./connection-loss.ts";
import { corrupt } from "./corrupt.ts";
import { latency } from "./latency.ts";
import { limitData } from "./limit-data.ts";
import { noop } from "./noop.ts";
import { resetPeer } from "./reset-peer.ts";
import { slicer } from "./slicer.ts";
import { slowClose } from "./slow-close.ts";
import { timeout } from "./timeout.ts";
import type { Toxic } from "./toxic.ts";

/** Toxiproxy's own. */
const SHARED = [latency, bandwidth, slowClose, timeout, resetPeer, slicer, limitData, noop];
const OURS = [connectionLoss, blackhole, corrupt];

export const TOXICS: ReadonlyMap<string, Toxic> = new Map(
  [...SHARED, ...OURS].map((toxic) => [toxic.type, toxic]),
);
