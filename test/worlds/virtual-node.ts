/**
 * A node and the network to it, in virtual time: what undici would tell the gateway about it, no more. A request takes half
 * a round trip, is executed when it is read, and is answered with a head, `CHUNKS` pieces and an end.
 *
 *   well      answers within its think time          slow     ten times later
 *   dead      refuses, and resets what was open      silent   takes connections and says nothing; what it owes is
 *   failing   503                                             answered when it is well again (SIGSTOP, SIGCONT)
 *   cutting   resets in the middle of a body         garbled  says what is no HTTP
 *   stalling  stops in the middle of a body, and goes on with it when it is another again
 *   updated   has other bodies than the others, and says so by their ETag
 *
 * Left out: bytes and sockets (tests of the gateway have real ones), half-read requests, TLS.
 */
import type { Dispatcher } from "undici";
import type { NodeCheck, CheckResult, CheckRules } from "#gateway/checks/check.ts";
import type { NodeClient } from "#gateway/forward/node-client.ts";
import type { Prng } from "#core/prng.ts";
import type { VirtualClock } from "./virtual-clock.ts";

export const NODE_STATES = [
  "well",
  "dead",
  "silent",
  "slow",
  "failing",
  "cutting",
  "stalling",
  "garbled",
  "updated",
] as const;

export type NodeState = (typeof NODE_STATES)[number];

export const CHUNKS = 3;
const CHUNK_BYTES = 2_048;
const SLOWER = 10;
const PIECE_MS = 1;

const bodies = new Map<string, Buffer>();

/** What a node has under `path`: each byte says where it is, and which version. */
export function bodyOf(path: string, isUpdated: boolean): Buffer {
  const name = `${path}${isUpdated ? " updated" : ""}`;
  let body = bodies.get(name);
  if (body !== undefined) return body;
  const seed = Array.from(name).reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7);
  body = Buffer.from(Array.from({ length: CHUNKS * CHUNK_BYTES }, (_, index) => (seed + index * 37) & 0xff));
  bodies.set(name, body);
  return body;
}

export interface Asked {
  readonly node: VirtualNode;
  readonly method: string;
  readonly requestId: string;
  readonly atMs: number;
}

export interface NodeWitness {
  /** A request was handed to a connection to the node, or to one that is being opened. */
  dispatched(asked: Asked): void;
  /** The node has read the request, and acts on it. */
  executed(asked: Asked): void;
  /** Its connection failed while the gateway waited for it, and the gateway has been told. */
  broke(asked: Asked, code: string): void;
  /** The connection owes nothing more for it. */
  ended(asked: Asked): void;
  checkBegan(node: VirtualNode): void;
}

export class VirtualNode {
  readonly id: string;
  readonly thinkMs: number;
  readonly rttMs: number;
  readonly hasRanges: boolean;
  readonly #clock: VirtualClock;
  readonly #prng: Prng;
  readonly #witness: NodeWitness;
  readonly #open = new Set<Transaction>();
  state: NodeState = "well";
  /** When it came into its state. */
  sinceMs = 0;
  /** Counts processes: a connection to an earlier one is gone. */
  life = 0;

  constructor(options: {
    readonly id: string;
    readonly clock: VirtualClock;
    readonly prng: Prng;
    readonly witness: NodeWitness;
    readonly thinkMs: number;
    readonly rttMs: number;
    readonly hasRanges: boolean;
  }) {
    this.id = options.id;
    this.thinkMs = options.thinkMs;
    this.rttMs = options.rttMs;
    this.hasRanges = options.hasRanges;
    this.#clock = options.clock;
    this.#prng = options.prng;
    this.#witness = options.witness;
  }

  get clock(): VirtualClock {
    return this.#clock;
  }

  get isOpen(): boolean {
    return this.#open.size > 0;
  }

  become(state: NodeState): void {
    if (state === this.state) return;
    const before = this.state;
    this.state = state;
    this.sinceMs = this.#clock.nowMs();
    if (before === "dead") this.life += 1;
    if (state === "dead") {
      for (const transaction of this.#open) transaction.resetByNode();
    }
    const isThawed = before === "silent" || (before === "stalling" && state !== "silent");
    if (isThawed && state !== "dead") {
      for (const transaction of this.#open) transaction.thawed();
    }
  }

  openClient(): NodeClient {
    return new VirtualClient(this);
  }

  openCheck(clock: VirtualClock, rules: CheckRules): NodeCheck {
    return new VirtualCheck(this, clock, rules);
  }

  begin(transaction: Transaction): void {
    this.#open.add(transaction);
    this.#witness.dispatched(transaction.asked);
  }

  end(transaction: Transaction): void {
    this.#open.delete(transaction);
    this.#witness.ended(transaction.asked);
  }

  executed(asked: Asked): void {
    this.#witness.executed(asked);
  }

  broke(asked: Asked, code: string): void {
    this.#witness.broke(asked, code);
  }

  checkBegan(): void {
    this.#witness.checkBegan(this);
  }

  /** Until the head of an answer, ms, whole: small numbers, so that many things happen at the same moment. */
  drawThinkMs(): number {
    const ms = this.thinkMs + this.#prng.integer(0, this.thinkMs);
    return this.state === "slow" ? ms * SLOWER : ms;
  }
}

class VirtualClient implements NodeClient {
  readonly #node: VirtualNode;
  #life: number | undefined;
  #transaction: Transaction | undefined;

  constructor(node: VirtualNode) {
    this.#node = node;
  }

  get isConnected(): boolean {
    return this.#life === this.#node.life && this.#node.state !== "dead";
  }

  dispatch(request: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    const wasConnected = this.isConnected;
    this.#life = this.#node.life;
    this.#transaction = new Transaction(this.#node, request, handler, wasConnected, () => {
      this.#life = undefined;
    });
    this.#node.begin(this.#transaction);
    this.#transaction.start();
  }

  destroy(): void {
    this.#transaction?.leave();
    this.#node.clock.soon(() => this.#transaction?.fail("UND_ERR_DESTROYED"), undefined);
    this.#life = undefined;
  }
}

class SocketError extends Error {
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

type Controller = Dispatcher.DispatchController & { rawHeaders?: Buffer[] };

/** One request on its way: undici's calls, in undici's order. */
class Transaction {
  readonly asked: Asked;
  readonly #node: VirtualNode;
  readonly #request: Dispatcher.DispatchOptions;
  readonly #handler: Dispatcher.DispatchHandler;
  readonly #wasConnected: boolean;
  readonly #onBroken: () => void;
  readonly #controller: Controller;
  #isSent = false;
  /** Its node's process has gone; the reset is on its way. */
  #isDoomed = false;
  #isOver = false;
  /** The gateway waits for it no longer. */
  #isLeft = false;
  /** What the node would do next, were it not silent. */
  #owed: (() => void) | undefined;

  constructor(
    node: VirtualNode,
    request: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
    wasConnected: boolean,
    onBroken: () => void,
  ) {
    this.#node = node;
    this.#request = request;
    this.#handler = handler;
    this.#wasConnected = wasConnected;
    this.#onBroken = onBroken;
    this.asked = {
      node,
      method: request.method,
      requestId: this.#field("x-request-id") ?? "",
      atMs: node.clock.nowMs(),
    };
    this.#controller = {
      aborted: false,
      paused: false,
      reason: null,
      rawHeaders: [],
      rawTrailers: null,
      abort: () => this.#abort(),
      pause: () => undefined,
      resume: () => undefined,
    };
  }

  start(): void {
    const { clock, rttMs } = this.#node;
    if (this.#wasConnected) return this.#sent();
    clock.after(rttMs, () => {
      if (this.#isOver || this.#isDoomed) return;
      if (this.#node.state === "dead") this.fail("ECONNREFUSED");
      else if (this.#node.state === "silent") this.#owed = () => this.#sent();
      else this.#sent();
    });
  }

  /** The node's process has gone. */
  resetByNode(): void {
    this.#isDoomed = true;
    this.#owed = undefined;
    this.#node.clock.after(this.#node.rttMs / 2, () =>
      this.fail(this.#isSent ? "ECONNRESET" : "ECONNREFUSED"),
    );
  }

  thawed(): void {
    const owed = this.#owed;
    this.#owed = undefined;
    owed?.();
  }

  leave(): void {
    this.#isLeft = true;
  }

  fail(code: string): void {
    if (this.#isOver) return;
    const wasLeft = this.#isLeft;
    this.#end();
    this.#onBroken();
    this.#handler.onResponseError?.(this.#controller, new SocketError(code));
    if (!wasLeft) this.#node.broke(this.asked, code);
  }

  /** Written to the connection; the node reads it half a round trip later. */
  #sent(): void {
    this.#isSent = true;
    this.#handler.onRequestStart?.(this.#controller, {});
    this.#later(this.#node.rttMs / 2, () => this.#read());
  }

  #read(): void {
    this.#node.executed(this.asked);
    this.#later(this.#node.drawThinkMs() + this.#node.rttMs / 2, () => this.#answer());
  }

  #answer(): void {
    const { state } = this.#node;
    if (state === "garbled") return this.fail("HPE_INVALID_CONSTANT");
    if (state === "failing") return this.#head(503, ["content-length", "0"], []);
    const isUpdated = state === "updated";
    const body = bodyOf(this.#request.path, isUpdated);
    const from = this.#rangeFrom(body.length);
    const rest = body.subarray(from ?? 0);
    const pieces = Array.from({ length: CHUNKS }, (_, index) =>
      rest.subarray(
        Math.floor((rest.length * index) / CHUNKS),
        Math.floor((rest.length * (index + 1)) / CHUNKS),
      ),
    );
    const fields = ["content-length", String(rest.length), ...this.#etagFields(isUpdated)];
    if (from === undefined) return this.#head(200, fields, pieces);
    const range = `bytes ${from}-${body.length - 1}/${body.length}`;
    this.#head(206, [...fields, "content-range", range], pieces);
  }

  #head(status: number, fields: readonly string[], pieces: readonly Buffer[]): void {
    this.#controller.rawHeaders = fields.map((text) => Buffer.from(text));
    this.#handler.onResponseStart?.(this.#controller, status, {}, "");
    this.#continue(pieces, 0);
  }

  #continue(pieces: readonly Buffer[], index: number): void {
    if (this.#isOver) return;
    if (this.#node.state === "cutting" && index > 0) return this.fail("ECONNRESET");
    if (this.#node.state === "stalling" && index > 0) {
      this.#owed = () => this.#continue(pieces, index);
      return;
    }
    const piece = pieces[index];
    if (piece === undefined) {
      this.#end();
      return this.#handler.onResponseEnd?.(this.#controller, {});
    }
    this.#handler.onResponseData?.(this.#controller, piece);
    this.#later(PIECE_MS, () => this.#continue(pieces, index + 1));
  }

  /** Something the node does: not while it is silent, and not any more when it is dead. */
  #later(ms: number, act: () => void): void {
    this.#node.clock.after(ms, () => {
      if (this.#isOver || this.#isDoomed) return;
      if (this.#node.state === "silent") this.#owed = act;
      else if (this.#node.state !== "dead") act();
    });
  }

  #abort(): void {
    if (this.#isOver) return;
    this.#end();
    this.#onBroken();
  }

  #end(): void {
    this.#isOver = true;
    this.#node.end(this);
  }

  #etagFields(isUpdated: boolean): readonly string[] {
    if (!this.#node.hasRanges) return [];
    return ["etag", isUpdated ? '"two"' : '"one"', "accept-ranges", "bytes"];
  }

  #rangeFrom(length: number): number | undefined {
    const range = /^bytes=(\d+)-/.exec(this.#field("range") ?? "")?.[1];
    if (range === undefined || !this.#node.hasRanges) return undefined;
    const from = Number(range);
    return from < length ? from : undefined;
  }

  #field(name: string): string | undefined {
    const fields = this.#request.headers as readonly string[];
    for (let index = 0; index < fields.length; index += 2) {
      if (fields[index]!.toLowerCase() === name) return fields[index + 1];
    }
    return undefined;
  }
}

/** A check of the same node over the same network. */
class VirtualCheck implements NodeCheck {
  readonly #node: VirtualNode;
  readonly #clock: VirtualClock;
  readonly #rules: CheckRules;
  #isClosed = false;

  constructor(node: VirtualNode, clock: VirtualClock, rules: CheckRules) {
    this.#node = node;
    this.#clock = clock;
    this.#rules = rules;
  }

  run(done: (result: CheckResult) => void): void {
    const startedMs = this.#clock.nowMs();
    this.#node.checkBegan();
    let isDone = false;
    const finish = (sign: CheckResult["sign"]): void => {
      if (isDone || this.#isClosed) return;
      isDone = true;
      done({ sign, startedMs, text: sign });
    };
    this.#clock.after(this.#rules.timeoutMs, () => finish("timeout"));
    this.#clock.after(this.#node.rttMs, () => {
      const { state } = this.#node;
      if (state === "dead") return finish("refused");
      if (state === "silent") return;
      if (state === "garbled") return finish("failed");
      // Its health path is fine, whatever its answers are.
      this.#clock.after(state === "slow" ? this.#node.drawThinkMs() : 0, () =>
        this.#node.state === "silent" || this.#node.state === "dead" ? undefined : finish("passed"),
      );
    });
  }

  close(): void {
    this.#isClosed = true;
  }
}
