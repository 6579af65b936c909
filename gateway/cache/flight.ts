/**
 * One request that is under way to a node, and those that wait for its answer instead of asking for the same.
 *
 * If whoever leads leaves, the one who has waited longest leads on: the others go on waiting for one request, not for many.
 */
import type { Deadlined } from "../forward/deadlines.ts";
import type { Engine } from "../forward/exchange.ts";
import type { ClientConnection, OpenRequest } from "../listener/client-connection.ts";

/** How a flight goes for those who wait: the answer has been; nobody could answer, and the one who led got a stale one. */
export type FlightEnd = "over" | "stale";

/** ... and for one of them: it leads from now on; it has waited long enough; its client has left. */
export type WaitEnd = FlightEnd | "lead" | "late" | "gone";

export class Flight {
  readonly key: string;
  /** When whoever leads it began. */
  sinceMs: number;
  readonly #waiters = new Set<Waiter>();

  constructor(key: string, sinceMs: number) {
    this.key = key;
    this.sinceMs = sinceMs;
  }

  /** `onEnd` is called once. */
  join(place: Omit<WaiterPlace, "onEnd">, onEnd: (end: WaitEnd) => void): void {
    const waiter = new Waiter({
      ...place,
      onEnd: (end) => {
        this.#waiters.delete(waiter);
        onEnd(end);
      },
    });
    this.#waiters.add(waiter);
  }

  /** Whoever led has left. False: nobody waits. */
  handOn(nowMs: number): boolean {
    const [next] = this.#waiters;
    if (next === undefined) return false;
    this.sinceMs = nowMs;
    next.end("lead");
    return true;
  }

  end(how: FlightEnd): void {
    for (const waiter of this.#waiters) waiter.end(how);
  }
}

interface WaiterPlace {
  readonly connection: ClientConnection;
  readonly engine: Engine;
  readonly vantage: string;
  /** Until when it waits. */
  readonly dueMs: number;
  readonly onEnd: (end: WaitEnd) => void;
}

class Waiter implements OpenRequest, Deadlined {
  readonly vantage: string;
  dueMs: number;
  deadlineSlot = -1;
  readonly #place: WaiterPlace;
  #isOver = false;

  constructor(place: WaiterPlace) {
    this.vantage = place.vantage;
    this.dueMs = place.dueMs;
    this.#place = place;
    place.connection.open.add(this);
    place.engine.deadlines.add(this);
  }

  end(how: WaitEnd): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#place.connection.open.delete(this);
    this.#place.engine.deadlines.remove(this);
    this.#place.onEnd(how);
  }

  due(): void {
    this.end("late");
  }

  clientGone(): void {
    this.end("gone");
  }

  cutOff(): void {
    this.end("gone");
  }
}
