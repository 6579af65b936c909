/**
 * What a fault is: one file each, one line in the registry. Injected in the same turn on all nodes of a target, then
 * seen to have worked, then removed; each step is the fault's own, and none of them tells the gateway or the simulator.
 */
import type { JournalEvent } from "#core/wire/events.ts";
import type { CastProcess } from "../cast-process.ts";

/** A node as a fault sees it. Made before the order is given, so that nothing said after it is missed. */
export interface FaultTarget {
  readonly node: string;
  /** Base URL of the node. */
  readonly url: string;
  /** The process the fault was injected into. */
  readonly process: CastProcess;
  /** The first event of this node since the order for which `isIt` holds; rejects after `timeoutMs`. */
  hear(isIt: (event: JournalEvent) => boolean, timeoutMs: number, what: string): Promise<JournalEvent>;
  /** Starts the node anew, once its old process has ended. */
  restart(): void;
}

export interface Fault {
  /** Gives the order. Synchronous, so that the nodes of a site fail together. */
  inject(target: FaultTarget): void;
  /** Resolves with the evidence that it has worked; rejects when there is none in time. */
  confirm(target: FaultTarget): Promise<string>;
  remove(target: FaultTarget): void;
}
