/**
 * Joins a pure session to a transport and a timer, whichever they are: carries actions out, feeds bytes in, and keeps
 * one timer at the session's next deadline. A process that wakes late reads its sockets before it declares anybody
 * dead, and does not count its own stall against the peer: `Scheduler.afterReads` runs once pending input was read.
 */
import type { BgpSession, Peer, SessionAction } from "./session.ts";
import type { UpdateMessage } from "./messages.ts";

export interface Transport {
  write(bytes: Uint8Array): void;
  /** Ends after what was written has gone out. */
  close(): void;
}

export interface Scheduler {
  nowMs(): number;
  after(ms: number, fn: () => void): { cancel(): void };
  /** After at least one turn in which sockets were read. */
  afterReads(fn: () => void): void;
}

export interface SessionHandlers {
  /** Active side only: open a transport, then call `opened`, or `closed` when it fails. */
  readonly connect?: () => void;
  readonly up: (peer: Peer) => void;
  readonly down: (reason: string) => void;
  readonly failed: (reason: string) => void;
  readonly update: (update: UpdateMessage, remarks: readonly string[]) => void;
}

/** A timer that fires this much later than asked tells of a stall of our own. */
const LATE_MS = 50;
/** The most a single stall is credited: a process stopped for longer has to be taken for dead by its peers. */
const CREDIT_MS_MAX = 3000;

export class SessionDriver {
  readonly #session: BgpSession;
  readonly #scheduler: Scheduler;
  readonly #handlers: SessionHandlers;
  #transport: Transport | undefined;
  #timer: { cancel(): void } | undefined;
  #timerDueMs = Infinity;

  constructor(session: BgpSession, scheduler: Scheduler, handlers: SessionHandlers) {
    this.#session = session;
    this.#scheduler = scheduler;
    this.#handlers = handlers;
  }

  /** Runs `change` on the session and carries out what follows from it. */
  drive(change: (session: BgpSession, nowMs: number) => void): void {
    change(this.#session, this.#scheduler.nowMs());
    for (const action of this.#session.takeActions()) this.#perform(action);
    this.#arm();
  }

  opened(transport: Transport): void {
    this.#transport = transport;
    this.drive((session, nowMs) => session.transportUp(nowMs));
  }

  /** `transport` tells a late farewell of an earlier transport from news of the present one. */
  closed(reason: string, transport?: Transport): void {
    if (transport !== undefined && transport !== this.#transport) return;
    this.#transport = undefined;
    this.drive((session, nowMs) => session.transportDown(reason, nowMs));
  }

  received(bytes: Uint8Array, transport: Transport): void {
    if (transport !== this.#transport) return;
    this.drive((session, nowMs) => session.receive(bytes, nowMs));
  }

  #perform(action: SessionAction): void {
    switch (action.do) {
      case "connect":
        return this.#handlers.connect?.();
      case "send":
        return this.#transport?.write(action.bytes);
      case "close": {
        const transport = this.#transport;
        this.#transport = undefined;
        return transport?.close();
      }
      case "up":
        return this.#handlers.up(action.peer);
      case "down":
        return this.#handlers.down(action.reason);
      case "failed":
        return this.#handlers.failed(action.reason);
      case "update":
        return this.#handlers.update(action.update, action.remarks);
    }
  }

  #arm(): void {
    const dueMs = this.#session.nextDeadlineMs() ?? Infinity;
    if (dueMs === this.#timerDueMs) return;
    this.#timer?.cancel();
    this.#timerDueMs = dueMs;
    if (dueMs === Infinity) return;
    this.#timer = this.#scheduler.after(Math.max(0, dueMs - this.#scheduler.nowMs()), () =>
      this.#fire(dueMs),
    );
  }

  #fire(dueMs: number): void {
    this.#timerDueMs = Infinity;
    const lateMs = this.#scheduler.nowMs() - dueMs;
    if (lateMs > LATE_MS) {
      this.drive((session) => session.creditStall(Math.min(lateMs, CREDIT_MS_MAX)));
    }
    this.#scheduler.afterReads(() => this.drive((session, nowMs) => session.tick(nowMs)));
  }
}
