/**
 * The way a process of the cast reports what happened: one JSON line per event on its standard output. Bounded: when
 * the reader does not keep up, events are dropped and counted, and the count is the first thing said afterwards.
 */
import type { EventBody, ProcessName } from "#core/wire/events.ts";
import { nowNs } from "./clock.ts";

const BUFFERED_BYTES_MAX = 4 * 1024 * 1024;

/** Where a process tells what happened; `atNs` when an event was noticed later than it happened. */
export interface EventSink {
  emit(body: EventBody, atNs?: number): void;
}

export class EventChannel implements EventSink {
  readonly #source: ProcessName;
  readonly #output: NodeJS.WriteStream;
  #dropped = 0;

  constructor(source: ProcessName, output: NodeJS.WriteStream) {
    this.#source = source;
    this.#output = output;
    // The reader is the lab; if it is gone, the end of standard input ends this process.
    output.on("error", () => undefined);
  }

  /** `atNs` defaults to now; give it when the event was noticed later than it happened. */
  emit(body: EventBody, atNs: number = nowNs()): void {
    if (this.#output.writableLength > BUFFERED_BYTES_MAX) {
      this.#dropped += 1;
      return;
    }
    if (this.#dropped > 0) {
      const count = this.#dropped;
      this.#dropped = 0;
      this.#write({ kind: "events.dropped", process: this.#source, count }, nowNs());
    }
    this.#write(body, atNs);
  }

  #write(body: EventBody, atNs: number): void {
    this.#output.write(`${JSON.stringify({ atNs, source: this.#source, ...body })}\n`);
  }
}
