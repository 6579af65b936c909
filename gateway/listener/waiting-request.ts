/** A request that has been let in and waits for its turn: until it begins, its time is over, or its client leaves. */
import type { WaitingLine } from "../admission/waiting-line.ts";
import type { GatewayConfig } from "../config.ts";
import type { Deadlined, Deadlines } from "../forward/deadlines.ts";
import type { ClientConnection, OpenRequest } from "./client-connection.ts";

export interface WaitingRequestOptions {
  readonly line: WaitingLine<WaitingRequest>;
  readonly deadlines: Deadlines;
  readonly connection: ClientConnection;
  readonly vantage: string;
  readonly dueMs: number;
  readonly begin: () => void;
  readonly turnAway: () => void;
}

/** It begins at once or when its turn has come, or it is turned away. */
export function standInLine(options: WaitingRequestOptions): void {
  const waiting = new WaitingRequest(options);
  switch (options.line.come(waiting)) {
    case "go":
      return waiting.begin();
    case "full":
      waiting.clientGone();
      return options.turnAway();
    case "wait":
  }
}

/**
 * ms. The time for a response head runs from the request's own, so whoever would stand in line beyond it is turned away: a node
 * would be asked for what nobody gets. The bare network (mode `anycast-only`) gives requests no time.
 */
export function lineTimeoutMs({ admission, retry, routing }: GatewayConfig): number {
  if (routing.mode === "anycast-only") return admission.waitTimeoutMs;
  return Math.min(admission.waitTimeoutMs, retry.totalTimeoutMs);
}

export class WaitingRequest implements OpenRequest, Deadlined {
  readonly vantage: string;
  dueMs: number;
  deadlineSlot = -1;
  readonly #options: WaitingRequestOptions;

  constructor(options: WaitingRequestOptions) {
    this.#options = options;
    this.vantage = options.vantage;
    this.dueMs = options.dueMs;
    options.connection.open.add(this);
    options.deadlines.add(this);
  }

  /** Its turn has come. */
  begin(): void {
    this.#end();
    this.#options.begin();
  }

  due(): void {
    if (!this.#options.line.giveUp(this)) return;
    this.#end();
    this.#options.turnAway();
  }

  clientGone(): void {
    this.#options.line.giveUp(this);
    this.#end();
  }

  cutOff(): void {
    this.clientGone();
  }

  #end(): void {
    this.#options.connection.open.delete(this);
    this.#options.deadlines.remove(this);
  }
}
