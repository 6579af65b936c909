/** What happened in a run, in order, as the events that real processes report, on the virtual clock. */
import type { EventBody, ProcessEvent, ProcessName } from "#core/wire/events.ts";
import type { EventLoop } from "./event-loop.ts";
import { JournalHash } from "./journal-hash.ts";

const NS_PER_US = 1000;
/** A run that loses every request for minutes stays below; beyond it events are counted only. */
const EVENTS_MAX = 500_000;

export class ScenarioJournal {
  readonly events: ProcessEvent[] = [];
  readonly #loop: EventLoop;
  #dropped = 0;

  constructor(loop: EventLoop) {
    this.#loop = loop;
  }

  /** `atUs` defaults to now; give it for what is noticed later than it happened. */
  emit(source: ProcessName, body: EventBody, atUs: number = this.#loop.nowUs): void {
    if (this.events.length >= EVENTS_MAX) this.#dropped += 1;
    else this.events.push({ atNs: atUs * NS_PER_US, source, ...body });
  }

  /** Tells what did not fit; call once, at the end. */
  close(): void {
    if (this.#dropped === 0) return;
    const atNs = this.#loop.nowUs * NS_PER_US;
    this.events.push({ atNs, source: "lab", kind: "events.dropped", process: "sim", count: this.#dropped });
  }

  /** One JSON line per event: what is hashed, and what a file of it holds. */
  lines(): string[] {
    return this.events.map((event) => JSON.stringify(event));
  }

  hash(): string {
    const hash = new JournalHash();
    for (const line of this.lines()) hash.add(`${line}\n`);
    return hash.text;
  }
}
