/**
 * Faults that end by themselves, and the API of the keeper that holds them: HTTP over a socket in the runtime directory, which
 * only its user can open.
 *
 *   GET    /v1/faults                FaultReport[]   all that are not gone
 *   POST   /v1/faults      FaultCall FaultReport     answers when it was seen to work, or was given up
 *   DELETE /v1/faults/ID             FaultReport     answers when it was seen to be gone, or after a while
 *   DELETE /v1/faults                FaultReport[]   all of them, likewise
 *   GET    /v1/changes               FaultReport, NDJSON: each change of any fault
 *   GET    /v1/drills/ID             the same of a drill's, for the one process that has it; when that goes, they end
 */
export type FaultAttributes = Readonly<Record<string, string | number>>;

export interface FaultOrder {
  /** Names the fault for good. */
  readonly id: string;
  readonly kind: string;
  /** As it was asked for: a site or a node. */
  readonly target: string;
  /** Its nodes; one fault at a time for each. */
  readonly targets: readonly string[];
  readonly attributes: FaultAttributes;
  /** From the moment the order came; above 0. */
  readonly ttlMs: number;
  /** The drill it belongs to; null: ordered by hand. */
  readonly drill: string | null;
}

export type FaultPhase = "writing" | "injecting" | "verifying" | "held" | "removing" | "proving" | "gone";

/** Why a fault is being removed. */
export type EndReason =
  | "asked"
  | "expired"
  | "owner-gone"
  | "unwritten"
  | "not-injected"
  | "unverified"
  | "replayed";

export interface FaultCall {
  /** Absent: one is made. The same id, kind and target once more is the same fault, not another. */
  readonly id?: string;
  readonly kind: string;
  /** A site or a node. */
  readonly target: string;
  readonly ttlMs: number;
  readonly attributes?: FaultAttributes;
  /** Above 0, at most 1: so much of what the kind's attributes say. Absent: 1. */
  readonly intensity?: number;
  readonly drill?: string;
}

export interface FaultReport extends FaultOrder {
  readonly phase: FaultPhase;
  readonly end: EndReason | null;
  /** Until it ends by itself; null: it is ending. */
  readonly leftMs: number | null;
  /** From the word that it was to end until its removal had been carried out; null: it has not been. */
  readonly removedMs: number | null;
  /** ... and until it was seen to be gone; null: it has not been. */
  readonly goneMs: number | null;
  /** It should be gone and has not been seen to be. */
  readonly isResidual: boolean;
  /** What was last seen of it. */
  readonly evidence: string;
  /** What was seen when it was given up; empty: it was not. */
  readonly failure: string;
}
