/**
 * What a fault is: one file each, one line in the registry. Injected in the same turn on all nodes of a target, then
 * seen to have worked, then removed; each step is the fault's own, and none of them tells the gateway or the simulator.
 */
import { after } from "#core/host/clock.ts";
import type { CastProcess } from "../cast-process.ts";

export interface FaultTarget {
  readonly node: string;
  /** Base URL of the node. */
  readonly url: string;
  readonly process: CastProcess;
  /** The node says so itself; rejects when it does not within a second. */
  cableIs(state: "cut" | "bgp-cut" | "whole"): Promise<void>;
  /** Starts the process anew; the fault is over. */
  restart(): void;
}

export interface Fault {
  /** Gives the order. Synchronous, so that the nodes of a site fail together. */
  inject(target: FaultTarget): void;
  /** Resolves with the evidence that it has worked; rejects when there is none in time. */
  confirm(target: FaultTarget): Promise<string>;
  remove(target: FaultTarget): void;
  /** The process ends by it: its end is no reason to start it again. */
  readonly endsProcess: boolean;
}

/** Rejects with `what` after `ms`. */
export async function within<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = after(ms, () => reject(new Error(what)));
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer.cancel();
  }
}
