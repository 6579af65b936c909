/**
 * What becomes of each fault that somebody orders, decided without doing any of it: inputs and the time come in, what is to be
 * done goes out. The same code runs in the keeper's process and, on virtual time, in the tests.
 *
 *     order -> writing -> injecting -> verifying -> held -> removing -> proving -> gone
 *                  |          |            |          |        ^  ^         |
 *                  '-- not ---'-- failed --'-- over, or somebody says so    '-- still there: again, until it is gone
 *                      written
 *
 * - Written before it is done: no fault is injected that the ledger does not know, so that whoever comes after a crash can undo it.
 * - Every fault ends: by order, when its time is over, when its owner has gone, or because it could not be seen to work.
 * - Removal never waits for injection. It is ordered at once, and once more when a late injection has come to its end.
 * - Gone is what was seen to be gone. What is not is looked at again for as long as the keeper lives, and counts as residual after
 *   `residualAfterMs`.
 */
import { invariant } from "#core/assert.ts";
import type { EndReason, FaultOrder, FaultPhase } from "#core/wire/keeper.ts";

/** What has to be done, each told back by `done` once. */
export type FaultStep = "write" | "inject" | "verify" | "remove" | "prove";

export interface KeeperStep {
  readonly step: FaultStep;
  readonly order: FaultOrder;
  /** Of this step of this fault; told back, so that a late answer is known for what it is. */
  readonly attempt: number;
}

export interface StepResult {
  readonly ok: boolean;
  /** What was seen, or what went wrong. */
  readonly evidence: string;
}

export interface FaultView {
  readonly order: FaultOrder;
  readonly phase: FaultPhase;
  /** Monotonic ms; Infinity before. */
  readonly heldSinceMs: number;
  readonly untilMs: number;
  readonly end: EndReason | undefined;
  /** Infinity before. */
  readonly removingSinceMs: number;
  /** When its removal had been carried out, and when it was seen to be gone; Infinity before. */
  readonly removedAtMs: number;
  readonly goneAtMs: number;
  /** It should be gone and has not been seen to be. */
  readonly isResidual: boolean;
  /** What was last seen of it. */
  readonly evidence: string;
  /** What was seen when it was given up; empty: it was not. */
  readonly failure: string;
}

export type Refusal = "closing" | "id-taken" | "ttl" | "no-target" | "target-taken" | "too-many";

export interface KeeperRules {
  readonly ttlMsMax: number;
  /** Faults at a time. */
  readonly faultsMax: number;
  /** A step that is not told back for so long counts as failed, and what it does later is undone. */
  readonly stepMsMax: number;
  /** Between two attempts to remove, or to see that it is gone. */
  readonly retryMs: number;
  readonly residualAfterMs: number;
}

export const KEEPER_RULES: KeeperRules = {
  ttlMsMax: 24 * 60 * 60_000,
  faultsMax: 256,
  stepMsMax: 30_000,
  retryMs: 200,
  residualAfterMs: 60_000,
};

const GIVEN_UP: ReadonlySet<EndReason> = new Set(["unwritten", "not-injected", "unverified"]);

interface Fault {
  readonly order: FaultOrder;
  phase: FaultPhase;
  attempt: number;
  /** When the step under way began; Infinity: none is. */
  stepSinceMs: number;
  /** When the next attempt is due. */
  retryAtMs: number;
  /** An injection is out that may still take effect. */
  isInjectOpen: boolean;
  heldSinceMs: number;
  readonly untilMs: number;
  end: EndReason | undefined;
  removingSinceMs: number;
  removedAtMs: number;
  goneAtMs: number;
  evidence: string;
  failure: string;
}

export class KeeperMachine {
  readonly #rules: KeeperRules;
  readonly #faults = new Map<string, Fault>();
  readonly #steps: KeeperStep[] = [];
  #isClosing = false;

  constructor(rules: KeeperRules = KEEPER_RULES) {
    this.#rules = rules;
  }

  /** What is to be done now, in this order; taken once. */
  takeSteps(): KeeperStep[] {
    return this.#steps.splice(0);
  }

  /** All that are not gone; and those that are, until `forget`. */
  views(nowMs: number): FaultView[] {
    return [...this.#faults.values()].map((fault) => this.#view(fault, nowMs));
  }

  view(id: string, nowMs: number): FaultView | undefined {
    const fault = this.#faults.get(id);
    return fault === undefined ? undefined : this.#view(fault, nowMs);
  }

  /** Nothing is left to be undone. */
  get isClean(): boolean {
    return [...this.#faults.values()].every(({ phase }) => phase === "gone");
  }

  /** Why not; undefined: it is being done. */
  order(order: FaultOrder, nowMs: number): Refusal | undefined {
    const refusal = this.#refusalOf(order);
    if (refusal !== undefined) return refusal;
    const fault = this.#add(order, nowMs, nowMs + order.ttlMs);
    this.#begin(fault, "writing", "write", nowMs);
    return undefined;
  }

  /** Of a ledger that somebody left: nobody knows how far it came, so it is undone. */
  replay(order: FaultOrder, nowMs: number): void {
    const fault = this.#add(order, nowMs, nowMs);
    this.#end(fault, "replayed", nowMs);
  }

  /** Does nothing for one that is ending, or is not known. */
  remove(id: string, why: EndReason, nowMs: number): void {
    const fault = this.#faults.get(id);
    if (fault !== undefined) this.#end(fault, why, nowMs);
  }

  /** All of them, or those of one drill. */
  removeAll(why: EndReason, nowMs: number, drill?: string): void {
    for (const fault of this.#faults.values()) {
      if (drill === undefined || fault.order.drill === drill) this.#end(fault, why, nowMs);
    }
  }

  /** Nothing is ordered any more. */
  close(why: EndReason, nowMs: number): void {
    this.#isClosing = true;
    this.removeAll(why, nowMs);
  }

  /** Of one that is gone and has been told. */
  forget(id: string): void {
    if (this.#faults.get(id)?.phase === "gone") this.#faults.delete(id);
  }

  /** A step is over. */
  done({ step, order, attempt }: KeeperStep, { ok, evidence }: StepResult, nowMs: number): void {
    const fault = this.#faults.get(order.id);
    if (fault === undefined || fault.order !== order) return;
    if (step === "inject") fault.isInjectOpen = false;
    const isLate = fault.attempt !== attempt;
    // What a late injection has done is undone again: the removal before it may have found nothing.
    if (isLate && step === "inject") return this.#removeAgain(fault, nowMs);
    if (isLate) return;
    fault.stepSinceMs = Infinity;
    fault.evidence = evidence;
    this.#over(fault, step, ok, nowMs);
  }

  /** What is due by time alone. */
  tick(nowMs: number): void {
    for (const fault of this.#faults.values()) {
      if (fault.phase === "gone") continue;
      if (fault.end === undefined && nowMs >= fault.untilMs) this.#end(fault, "expired", nowMs);
      if (nowMs - fault.stepSinceMs >= this.#rules.stepMsMax) this.#stepTooLong(fault, nowMs);
      if (nowMs >= fault.retryAtMs) this.#attemptRemoval(fault, nowMs);
    }
  }

  /** When `tick` is due next; Infinity: not before something else happens. */
  nextTickMs(): number {
    let dueMs = Infinity;
    for (const { end, phase, retryAtMs, stepSinceMs, untilMs } of this.#faults.values()) {
      if (phase === "gone") continue;
      const expiryMs = end === undefined ? untilMs : Infinity;
      dueMs = Math.min(dueMs, expiryMs, retryAtMs, stepSinceMs + this.#rules.stepMsMax);
    }
    return dueMs;
  }

  #refusalOf({ id, targets, ttlMs }: FaultOrder): Refusal | undefined {
    if (this.#isClosing) return "closing";
    if (this.#faults.has(id)) return "id-taken";
    if (!(ttlMs > 0) || ttlMs > this.#rules.ttlMsMax) return "ttl";
    if (targets.length === 0) return "no-target";
    let open = 0;
    for (const fault of this.#faults.values()) {
      if (fault.phase === "gone") continue;
      open += 1;
      if (fault.order.targets.some((target) => targets.includes(target))) return "target-taken";
    }
    return open >= this.#rules.faultsMax ? "too-many" : undefined;
  }

  #add(order: FaultOrder, nowMs: number, untilMs: number): Fault {
    const fault: Fault = {
      order,
      phase: "writing",
      attempt: 0,
      stepSinceMs: Infinity,
      retryAtMs: Infinity,
      isInjectOpen: false,
      heldSinceMs: Infinity,
      untilMs,
      end: undefined,
      removingSinceMs: Infinity,
      removedAtMs: Infinity,
      goneAtMs: Infinity,
      evidence: "",
      failure: "",
    };
    this.#faults.set(order.id, fault);
    return fault;
  }

  #begin(fault: Fault, phase: FaultPhase, step: FaultStep, nowMs: number): void {
    fault.phase = phase;
    fault.attempt += 1;
    fault.stepSinceMs = nowMs;
    fault.retryAtMs = Infinity;
    if (step === "inject") fault.isInjectOpen = true;
    this.#steps.push({ step, order: fault.order, attempt: fault.attempt });
  }

  #over(fault: Fault, step: FaultStep, ok: boolean, nowMs: number): void {
    switch (step) {
      case "write":
        return ok ? this.#begin(fault, "injecting", "inject", nowMs) : this.#end(fault, "unwritten", nowMs);
      case "inject":
        return ok
          ? this.#begin(fault, "verifying", "verify", nowMs)
          : this.#end(fault, "not-injected", nowMs);
      case "verify":
        if (!ok) return this.#end(fault, "unverified", nowMs);
        fault.phase = "held";
        fault.heldSinceMs = nowMs;
        return;
      case "remove":
        if (!ok) return this.#retryLater(fault, nowMs);
        // The last one counts: a late injection is removed once more.
        fault.removedAtMs = nowMs;
        return this.#begin(fault, "proving", "prove", nowMs);
      case "prove":
        if (!ok || fault.isInjectOpen) return this.#retryLater(fault, nowMs);
        fault.phase = "gone";
        fault.goneAtMs = nowMs;
        return;
    }
  }

  #end(fault: Fault, why: EndReason, nowMs: number): void {
    if (fault.end !== undefined) return;
    fault.end = why;
    if (GIVEN_UP.has(why)) fault.failure = fault.evidence;
    fault.removingSinceMs = nowMs;
    this.#begin(fault, "removing", "remove", nowMs);
  }

  #retryLater(fault: Fault, nowMs: number): void {
    fault.phase = "removing";
    fault.retryAtMs = nowMs + this.#rules.retryMs;
  }

  #attemptRemoval(fault: Fault, nowMs: number): void {
    invariant(fault.end !== undefined, "a fault that is held is not removed by a retry");
    this.#begin(fault, "removing", "remove", nowMs);
  }

  #removeAgain(fault: Fault, nowMs: number): void {
    if (fault.end === undefined) return this.#end(fault, "not-injected", nowMs);
    this.#begin(fault, "removing", "remove", nowMs);
  }

  #stepTooLong(fault: Fault, nowMs: number): void {
    fault.stepSinceMs = Infinity;
    fault.evidence = `nothing was heard of it for ${this.#rules.stepMsMax} ms`;
    // Whatever it does from now on is late.
    fault.attempt += 1;
    if (fault.end === undefined) this.#end(fault, "not-injected", nowMs);
    else this.#retryLater(fault, nowMs);
  }

  #view(fault: Fault, nowMs: number): FaultView {
    const { order, phase, heldSinceMs, untilMs, end, removingSinceMs, removedAtMs, goneAtMs } = fault;
    const isResidual = phase !== "gone" && nowMs - removingSinceMs >= this.#rules.residualAfterMs;
    return {
      order,
      phase,
      heldSinceMs,
      untilMs,
      end,
      removingSinceMs,
      removedAtMs,
      goneAtMs,
      isResidual,
      evidence: fault.evidence,
      failure: fault.failure,
    };
  }
}
