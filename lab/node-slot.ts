/** A node's place in the cast: what stays when its process comes and goes. */
import type { NodeConfig } from "#core/wire/cast.ts";
import type { NodeStatus } from "#core/wire/control.ts";
import type { FaultHow } from "#core/wire/faults.ts";
import type { MisbehaviourKind } from "#core/wire/misbehaviour.ts";
import type { CastProcess } from "./cast-process.ts";

export class NodeSlot {
  readonly config: NodeConfig;
  process: CastProcess | undefined;
  /** The fault in force. */
  fault: FaultHow | null = null;
  /** What its process was told to do wrong; another process does it right. */
  #misbehaviour: { readonly process: CastProcess; readonly kind: MisbehaviourKind } | undefined;
  /** By order of an operator. */
  isDrained = false;
  /** The order to drain has been taken back; the node has yet to prove itself. */
  isUndraining = false;
  /** Revived while its old process has not ended yet. */
  isReturning = false;

  constructor(config: NodeConfig) {
    this.config = config;
  }

  get node(): string {
    return this.config.node;
  }

  get url(): string {
    return `http://${this.config.host}:${this.config.httpPort}`;
  }

  /** The old process that is still leaving does not count. */
  get isRunning(): boolean {
    return this.process?.isRunning === true && !this.isReturning;
  }

  get misbehaviour(): MisbehaviourKind | null {
    const told = this.#misbehaviour;
    return told !== undefined && told.process === this.process && told.process.isRunning ? told.kind : null;
  }

  misbehaves(kind: MisbehaviourKind | null): void {
    this.#misbehaviour = kind === null ? undefined : { process: this.process!, kind };
  }

  processState(): NodeStatus["process"] {
    if (this.process === undefined) return "stopped";
    if (!this.process.isRunning) return this.fault === null ? "exited" : "stopped";
    if (this.fault === "hang") return "frozen";
    return this.process.isReady ? "running" : "starting";
  }
}
