/**
 * How unlikely a node's silence is, given how long it took to answer before (Hayashibara et al., "The phi accrual failure
 * detector", 2004): phi 1 is one chance in ten of a false alarm, phi 8 one in 10^8, if answers were normally distributed.
 *
 * A service is not a heartbeat: what is looked at is not the time between answers but the time to an answer while one is
 * owed. Since answer times have long tails, their deviation is never taken for less than `deviationMinMs` (Akka's
 * `min-std-deviation`), and nobody is suspected before `SAMPLES_MIN` answers.
 */
const SAMPLES_MAX = 200;
const SAMPLES_MIN = 20;

export class PhiAccrual {
  readonly #deviationMinMs: number;
  /** A ring of the last answer times, ms. */
  readonly #times = new Float64Array(SAMPLES_MAX);
  #count = 0;
  #next = 0;
  #sum = 0;
  #squares = 0;

  constructor(deviationMinMs: number) {
    this.#deviationMinMs = deviationMinMs;
  }

  answered(tookMs: number): void {
    if (this.#count === SAMPLES_MAX) {
      const gone = this.#times[this.#next]!;
      this.#sum -= gone;
      this.#squares -= gone * gone;
    } else {
      this.#count += 1;
    }
    this.#times[this.#next] = tookMs;
    this.#sum += tookMs;
    this.#squares += tookMs * tookMs;
    this.#next = (this.#next + 1) % SAMPLES_MAX;
  }

  /** 0 while too little is known; grows without bound. */
  phi(silentMs: number): number {
    if (this.#count < SAMPLES_MIN) return 0;
    const mean = this.#sum / this.#count;
    const variance = Math.max(0, this.#squares / this.#count - mean * mean);
    return phiOf((silentMs - mean) / Math.max(this.#deviationMinMs, Math.sqrt(variance)));
  }

  /** It comes back as another process: what it was like says nothing. */
  reset(): void {
    this.#count = this.#next = this.#sum = this.#squares = 0;
  }
}

/**
 * -log10 of the normal distribution's upper tail at `deviations` above the mean, by Bowling's logistic approximation
 * (2009; absolute error of the distribution below 1.4e-4; far out phi comes out larger, 8 at 5.2 deviations instead of
 * 5.6). Kept in logarithms, so that it does not end at 308.
 */
export function phiOf(deviations: number): number {
  const exponent = deviations * (1.5976 + 0.070566 * deviations * deviations);
  // The tail is 1 / (1 + e^exponent).
  return exponent > 0
    ? (exponent + Math.log1p(Math.exp(-exponent))) / Math.LN10
    : Math.log1p(Math.exp(exponent)) / Math.LN10;
}
