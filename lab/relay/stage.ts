/**
 * A toxic's place in one direction of one connection: what has come, what is planned, and when. One chunk is at work at a
 * time; those behind it wait in order, and the end of the source is the last of them. Pure: time comes in as `nowMs`.
 */
import type { Chunk, Closing, Flow, Plan, TimedClosing } from "./toxics/toxic.ts";

/** What passes from stage to stage. */
export type Passing = Chunk | { readonly how: Closing };

export type Emit = (passing: Passing) => void;

export class Stage {
  #flow: Flow;
  readonly #waiting: Passing[] = [];
  #plan: Plan | undefined;
  /** Pieces of the plan that have gone. */
  #gone = 0;
  /** The source's end, while it waits for its time. */
  #end: TimedClosing | undefined;
  #isClosed = false;
  #heldBytes = 0;

  constructor(flow: Flow) {
    this.#flow = flow;
  }

  get flow(): Flow {
    return this.#flow;
  }

  /** It has passed an end on; what comes after that goes nowhere. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  get heldChunks(): number {
    return this.#waiting.length;
  }

  /** When something may be due; `Infinity`: not before more comes. */
  get dueMs(): number {
    if (this.#isClosed) return Infinity;
    return Math.min(this.#flow.deadline?.atMs ?? Infinity, this.#end?.atMs ?? Infinity, this.#planDueMs());
  }

  push(passing: Passing): void {
    if (this.#isClosed) return;
    this.#waiting.push(passing);
    if ("bytes" in passing) this.#heldBytes += passing.bytes.length;
  }

  /** Emits what is due. */
  advance(nowMs: number, emit: Emit): void {
    while (!this.#isClosed) {
      this.#emitUntil(nowMs, nowMs, emit);
      const closing = this.#closingDue(nowMs);
      if (closing !== undefined) return this.#close(closing, emit);
      if (this.#isBusy(nowMs)) return;
      this.#plan = undefined;
      const next = this.#waiting.shift();
      if (next === undefined) return;
      if ("how" in next) this.#end = { how: next.how, atMs: this.#flow.end?.(nowMs) ?? nowMs };
      else this.#begin(next, nowMs);
    }
  }

  /** New settings: the chunk at work passes on as it is, and what waits behind it meets the new flow. */
  replace(flow: Flow, nowMs: number, emit: Emit): void {
    this.#emitUntil(Infinity, nowMs, emit);
    this.#plan = undefined;
    if (this.#end !== undefined) this.#waiting.unshift({ how: this.#end.how });
    this.#end = undefined;
    this.#flow = flow;
    this.advance(nowMs, emit);
  }

  /** The toxic goes: whatever it held passes on. */
  release(nowMs: number, emit: Emit): void {
    if (this.#isClosed) return;
    this.#emitUntil(Infinity, nowMs, emit);
    for (const passing of this.#waiting) {
      emit("bytes" in passing ? { bytes: passing.bytes, atMs: nowMs } : passing);
    }
    if (this.#end !== undefined) emit({ how: this.#end.how });
    this.#drop();
  }

  /** The toxic goes, and the connection with it. */
  cut(emit: Emit): void {
    if (!this.#isClosed) this.#close("cut", emit);
  }

  #begin(chunk: Chunk, nowMs: number): void {
    this.#plan = this.#flow.take(chunk, nowMs);
    this.#gone = 0;
    this.#heldBytes -= chunk.bytes.length;
    for (const { bytes } of this.#plan.pieces) this.#heldBytes += bytes.length;
  }

  /** The pieces whose time is no later than `untilMs`. */
  #emitUntil(untilMs: number, nowMs: number, emit: Emit): void {
    const pieces = this.#plan?.pieces ?? [];
    for (;;) {
      const piece = pieces[this.#gone];
      if (piece === undefined || piece.atMs > untilMs) return;
      this.#gone += 1;
      this.#heldBytes -= piece.bytes.length;
      emit({ bytes: piece.bytes, atMs: nowMs });
    }
  }

  #closingDue(nowMs: number): Closing | undefined {
    for (const closing of [this.#flow.deadline, this.#plan?.closing, this.#end]) {
      if (closing !== undefined && closing.atMs <= nowMs) return closing.how;
    }
    return undefined;
  }

  #isBusy(nowMs: number): boolean {
    if (this.#end !== undefined) return true;
    if (this.#plan === undefined) return false;
    const { pieces, freeMs, closing } = this.#plan;
    return this.#gone < pieces.length || closing !== undefined || (freeMs !== undefined && nowMs < freeMs);
  }

  #planDueMs(): number {
    if (this.#plan === undefined) return Infinity;
    const { pieces, freeMs, closing } = this.#plan;
    const isIdleBehind = this.#waiting.length === 0;
    const next = pieces[this.#gone]?.atMs ?? (isIdleBehind ? Infinity : (freeMs ?? Infinity));
    return Math.min(next, closing?.atMs ?? Infinity);
  }

  #close(how: Closing, emit: Emit): void {
    this.#drop();
    emit({ how });
  }

  #drop(): void {
    this.#isClosed = true;
    this.#waiting.length = 0;
    this.#plan = undefined;
    this.#heldBytes = 0;
  }
}
