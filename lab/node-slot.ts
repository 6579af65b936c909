/** A node's place in the cast: what stays when its process comes and goes. */
import type { NodeConfig } from "#core/wire/cast.ts";
import type { NodeStatus } from "#core/wire/control.ts";
import type { FaultHow } from "#core/wire/faults.ts";
import type { CastProcess } from "./cast-process.ts";

export class NodeSlot {
  readonly config: NodeConfig;
  process: CastProcess | undefined;
  /** The fault in force. */
  fault: FaultHow | null = null;
  /** By order of an operator. */
  isDrained = false;
  isReady = false;

  constructor(config: NodeConfig) {
    this.config = config;
  }

  get url(): string {
    return `http://${this.config.host}:${this.config.httpPort}`;
  }

  processState(): NodeStatus["process"] {
    if (this.process === undefined) return "stopped";
    if (!this.process.isRunning) return this.fault === null ? "exited" : "stopped";
    if (this.fault === "hang") return "frozen";
    return this.isReady ? "running" : "starting";
  }
}
