/**
 * What a toxic is: one file each, one line in the registry. A toxic decides what becomes of the bytes that pass one way
 * through one connection, and when; it owns no timer, no socket and no chance. Types, attributes, units and behaviour of
 * those that Toxiproxy has are Toxiproxy's (v2.12.0, `toxics/*.go`); the others say what they are.
 *
 * What no toxic can do, because a relay ends TCP on both sides: lose or reorder packets, withhold an acknowledgement, a
 * FIN or an RST of its own kernel, refuse a connection (it accepts first, and dials then), or be silent to a SYN. What a
 * peer sees of a fault is a stream that stalls, ends or is reset. Packets need netem, and a pulled cable a namespace.
 */
import type { Prng } from "#core/prng.ts";

/** Whole numbers by name; those that are left out of an order are 0. */
export type ToxicAttributes = Readonly<Record<string, number>>;

/** Some bytes of one direction as they came to a toxic. */
export interface Chunk {
  readonly bytes: Uint8Array;
  /** Monotonic ms. */
  readonly atMs: number;
}

/**
 * How a direction ends. `end`: its source has sent FIN, and the other direction may live on (half-close). `cut`: a toxic
 * closes the whole connection, by FIN, when what passed before has been sent. `reset`: the whole connection, by RST.
 */
export type Closing = "end" | "cut" | "reset";

export interface TimedClosing {
  readonly how: Closing;
  /** Monotonic ms. */
  readonly atMs: number;
}

/** What becomes of a chunk. Bytes that are in no piece are dropped. */
export interface Plan {
  /** In order; a piece goes no earlier than its time and than those before it. `Infinity`: when the toxic is removed. */
  readonly pieces: readonly Chunk[];
  /** The direction closes then; pieces that are not due by that time are dropped. */
  readonly closing?: TimedClosing;
  /** The next chunk is not looked at before. */
  readonly freeMs?: number;
}

/** A toxic at work in one direction of one connection. */
export interface Flow {
  /** The plan of the chunk at the head. It is asked for the next one when all pieces have gone. */
  take(chunk: Chunk, nowMs: number): Plan;
  /** When the source's own end, which has come to the head, goes on. Absent: at once. */
  end?(nowMs: number): number;
  /** It closes the direction by itself then, if it is still in force. */
  readonly deadline?: TimedClosing | undefined;
}

/** What becomes of a connection before anything of it is passed on. */
export interface Admission {
  /** The node is not even dialled: nothing is read, and at `resetMs` (`Infinity`: never) the client gets an RST. */
  readonly resetMs: number;
}

export interface Toxic {
  readonly type: string;
  /** Its attributes in Toxiproxy's order, each with the integer type that Toxiproxy's error messages name. */
  readonly attributes: Readonly<Record<string, "int" | "int64">>;
  /**
   * Begins in one direction of a connection. After a change of attributes `previous` is the flow before; a toxic that counts
   * goes on with its count.
   */
  start(attributes: ToxicAttributes, prng: Prng, nowMs: number, previous?: Flow): Flow;
  /** Asked for each new connection that the toxic's share falls on. Absent: all are admitted. */
  admit?(attributes: ToxicAttributes, nowMs: number): Admission;
  /**
   * What its removal does to a connection it was in force on. Absent: what it still held passes on at once, as no data is
   * dropped on the floor. `cut`: it has dropped data, and a stream with a hole must not go on.
   */
  readonly removal?: "cut";
}

/** Attributes may be any integer; what a computation takes is kept in a range in which it is exact. */
const COUNT_MAX = 2 ** 31 - 1;

export function attributeOf(attributes: ToxicAttributes, name: string): number {
  return Math.max(-COUNT_MAX, Math.min(COUNT_MAX, attributes[name] ?? 0));
}

/** All of it, now. */
export function passOn(chunk: Chunk, nowMs: number): Plan {
  return { pieces: [{ bytes: chunk.bytes, atMs: nowMs }] };
}
