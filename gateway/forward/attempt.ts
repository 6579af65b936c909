/**
 * One try of one request at one node: undici's raw handler, and what is known about how far the try has come.
 *
 * It tells its owner about the head, the data, the end and the failure, each at most once, about interim heads as they come, and
 * falls silent when it is cancelled: an answer that comes after that (a frozen process that was thawed) is dropped with its
 * connection.
 */
import type { Dispatcher } from "undici";
import { codeOf } from "#core/errors.ts";
import type { BreakerCall } from "../resilience/breaker/breaker.ts";
import { causeOfCode, type FailureCause } from "../resilience/failure-class.ts";
import type { FleetNode } from "./fleet.ts";
import type { NodeClient } from "./node-client.ts";
import type { BodyForAttempt } from "./request-body.ts";

export interface AttemptOwner {
  /** An interim head (1xx); any number of them, before the final one. */
  attemptInformed(attempt: Attempt, status: number, rawFields: readonly Uint8Array[]): void;
  /** The node's final head. Data follows, until `attemptEnded` or `attemptFailed`. */
  attemptAnswered(attempt: Attempt, status: number, rawFields: readonly Uint8Array[], reason: string): void;
  /** False: stop reading until `resume`. */
  attemptData(attempt: Attempt, chunk: Buffer): boolean;
  attemptEnded(attempt: Attempt, rawTrailers: readonly Uint8Array[]): void;
  attemptFailed(attempt: Attempt, cause: FailureCause): void;
}

export interface AttemptRequest {
  readonly method: string;
  readonly path: string;
  readonly fields: string[];
  readonly body: BodyForAttempt;
}

class AttemptCancelled extends Error {
  readonly code = "ATTEMPT_CANCELLED";
}

const CANCELLED = new AttemptCancelled("cancelled");

export class Attempt implements Dispatcher.DispatchHandler {
  readonly node: FleetNode;
  /** Place among the attempts of its request, from 0. */
  readonly ordinal: number;
  readonly isHedge: boolean;
  readonly startedMs: number;
  /** Until its result is known to the site's circuit breaker; undefined too where there is none. */
  breakerCall: BreakerCall | undefined;
  readonly #owner: AttemptOwner;
  readonly #client: NodeClient;
  readonly #isReused: boolean;
  #controller: Dispatcher.DispatchController | undefined;
  #isHeadReceived = false;
  #isOver = false;

  constructor(options: {
    readonly owner: AttemptOwner;
    readonly node: FleetNode;
    readonly client: NodeClient;
    readonly ordinal: number;
    readonly isHedge: boolean;
    readonly startedMs: number;
    readonly breakerCall: BreakerCall | undefined;
  }) {
    this.#owner = options.owner;
    this.#client = options.client;
    this.node = options.node;
    this.ordinal = options.ordinal;
    this.isHedge = options.isHedge;
    this.startedMs = options.startedMs;
    this.breakerCall = options.breakerCall;
    this.#isReused = options.client.isConnected;
  }

  /** Handed to a connection: the node may have seen it. */
  get isSent(): boolean {
    return this.#controller !== undefined;
  }

  get isReused(): boolean {
    return this.#isReused;
  }

  get isHeadReceived(): boolean {
    return this.#isHeadReceived;
  }

  send(request: AttemptRequest): void {
    const isHead = request.method === "HEAD";
    this.#client.dispatch(
      {
        path: request.path,
        method: request.method,
        headers: request.fields,
        body: request.body,
        // undici closes the connection after a HEAD unless told not to.
        reset: isHead ? false : undefined,
      } as Dispatcher.DispatchOptions,
      this,
    );
  }

  /** The connection goes with it: its next bytes would be the answer nobody waits for. */
  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#controller?.abort(CANCELLED);
    this.node.pool.drop(this.#client);
  }

  resume(): void {
    this.#controller?.resume();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#isOver) controller.abort(CANCELLED);
    else this.#controller = controller;
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _headers: unknown,
    reason?: string,
  ): void {
    if (this.#isOver) return;
    const rawFields = (controller.rawHeaders ?? []) as Uint8Array[];
    if (status < 200) return this.#owner.attemptInformed(this, status, rawFields);
    this.#isHeadReceived = true;
    this.#owner.attemptAnswered(this, status, rawFields, reason ?? "");
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#isOver && !this.#owner.attemptData(this, chunk)) controller.pause();
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.node.pool.give(this.#client);
    this.#owner.attemptEnded(this, (controller.rawTrailers ?? []) as Uint8Array[]);
  }

  onResponseError(_controller: unknown, error: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.node.pool.drop(this.#client);
    this.#owner.attemptFailed(this, causeOfCode(codeOf(error), this.isSent));
  }
}
