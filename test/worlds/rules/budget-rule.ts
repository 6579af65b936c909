/**
 * A budget, counted a second time from outside: of the seconds of the clock no ten in a row hold more extra attempts than their
 * requests' share and the floor allow. Every window is looked at, not the whole run: a quiet minute must not pay for a burst.
 */
import type { Violate } from "./violate.ts";

const SECOND_MS = 1_000;
/** As `retry.budgetRatio` and `hedge.budgetRatio` promise it. */
const WINDOW_S = 10;

export interface BudgetLimits {
  readonly budgetPercent: number;
  readonly budgetPerSecond: number;
}

export class BudgetRule {
  readonly #name: string;
  readonly #limits: BudgetLimits;
  readonly #violate: Violate;
  readonly #requests: number[] = [];
  readonly #spent: number[] = [];

  constructor(name: string, limits: BudgetLimits, violate: Violate) {
    this.#name = name;
    this.#limits = limits;
    this.#violate = violate;
  }

  requested(nowMs: number): void {
    add(this.#requests, nowMs);
  }

  spent(nowMs: number): void {
    add(this.#spent, nowMs);
    const { budgetPercent, budgetPerSecond } = this.#limits;
    const spent = lately(this.#spent, nowMs);
    const requests = lately(this.#requests, nowMs);
    const allowed = Math.floor((requests * budgetPercent) / 100) + budgetPerSecond * WINDOW_S;
    if (spent > allowed)
      this.#violate(`${spent} ${this.#name} within 10 s for ${requests} requests: ${allowed} are allowed`);
  }
}

function add(counts: number[], nowMs: number): void {
  const second = Math.floor(nowMs / SECOND_MS);
  counts[second] = (counts[second] ?? 0) + 1;
}

function lately(counts: readonly number[], nowMs: number): number {
  const second = Math.floor(nowMs / SECOND_MS);
  let sum = 0;
  for (let each = Math.max(0, second - WINDOW_S + 1); each <= second; each++) sum += counts[each] ?? 0;
  return sum;
}
