/**
 * One line of `anycastle sim validate`: what was expected, what came out, where the expectation is from, and what the
 * two have to do with each other. Four kinds, which must never be mixed up:
 *
 *     exact        a law or a count: any difference is a bug
 *     frozen       what this program itself gave when the row was recorded: leaving the interval is a change of the model
 *     fitted       a published figure that helped to choose the parameters: agreement proves nothing
 *     independent  a published figure that did not: agreement is evidence
 */
export type TruthKind = "exact" | "frozen" | "fitted" | "independent";

/**
 * `equal`, `differs`: exact rows. `held`, `left`: frozen rows. `in`, `out`: published bands. `no law`: shown, and
 * not judged, because nothing is claimed. `not run`: what it needs was not given.
 */
export type TruthVerdict = "equal" | "differs" | "held" | "left" | "in" | "out" | "no law" | "not run";

export interface TruthRow {
  readonly quantity: string;
  readonly expected: string;
  readonly got: string;
  readonly source: string;
  readonly kind: TruthKind;
  readonly verdict: TruthVerdict;
}

/** What the row says before anything has run. */
export type Claim = Pick<TruthRow, "quantity" | "source">;

/** Whether the rows as a whole are a failure: a broken law or a changed model always, a missed band only when `isStrict`. */
export function isMissed(rows: readonly TruthRow[], isStrict: boolean): boolean {
  return rows.some(
    ({ verdict }) => verdict === "differs" || verdict === "left" || (isStrict && verdict === "out"),
  );
}

/** Counts comparisons that must all be equalities, and keeps the first that is none. */
export class Equalities {
  readonly #unit: string;
  #count = 0;
  #differing = 0;
  #first = "";

  /** `unit`: what is compared, in the plural. */
  constructor(unit: string) {
    this.#unit = unit;
  }

  /** `describe` is asked only for the first difference. */
  note(isEqual: boolean, describe: () => string): void {
    this.#count += 1;
    if (isEqual) return;
    if (this.#differing === 0) this.#first = describe();
    this.#differing += 1;
  }

  /** Nothing compared is a failure too: a check that looked at nothing has shown nothing. */
  row(claim: Claim, expected = "equal"): TruthRow {
    const equal = this.#count - this.#differing;
    const isEqual = this.#differing === 0 && this.#count > 0;
    return {
      ...claim,
      expected,
      got: `${equal} of ${this.#count} ${this.#unit} equal${this.#first === "" ? "" : `; ${this.#first}`}`,
      kind: "exact",
      verdict: isEqual ? "equal" : "differs",
    };
  }
}

export interface Interval {
  readonly min: number;
  readonly max: number;
  readonly unit: string;
  /** Digits after the point, of both ends and of what is put beside them. */
  readonly digits: number;
}

export function bandRow(
  claim: Claim & { readonly kind: Exclude<TruthKind, "exact"> },
  { min, max, unit, digits }: Interval,
  got: { readonly value: number; readonly spread?: string },
): TruthRow {
  const isInside = got.value >= min && got.value <= max;
  const [inside, outside] = claim.kind === "frozen" ? (["held", "left"] as const) : (["in", "out"] as const);
  return {
    ...claim,
    expected:
      max === Infinity
        ? `at least ${min.toFixed(digits)}${unit}`
        : `${min.toFixed(digits)} to ${max.toFixed(digits)}${unit}`,
    got: `${got.value.toFixed(digits)}${unit}${got.spread === undefined ? "" : ` ${got.spread}`}`,
    verdict: isInside ? inside : outside,
  };
}

export function notRun(claim: Claim & { readonly kind: TruthKind }, why: string): TruthRow {
  return { ...claim, expected: "-", got: why, verdict: "not run" };
}
