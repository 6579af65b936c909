/** Steps with a name, one line each as they end; after one that did not hold the rest is not tried. */
import type { Tally } from "../run-tests.ts";

export class Steps {
  #passed = 0;
  #failed = 0;

  /** `run` returns what was seen, for people; a rejection is a failure. */
  async step(name: string, run: () => Promise<string>): Promise<void> {
    const startedMs = Date.now();
    const seconds = (): string => `${((Date.now() - startedMs) / 1000).toFixed(1)} s`;
    try {
      const seen = await run();
      this.#passed += 1;
      process.stdout.write(`ok      ${name}${seen === "" ? "" : `: ${seen}`} (${seconds()})\n`);
    } catch (error) {
      this.fail(`${name} (${seconds()})`, error);
      throw new StepFailed();
    }
  }

  fail(name: string, error: unknown): void {
    this.#failed += 1;
    process.stdout.write(`FAILED  ${name}: ${error instanceof Error ? error.message : String(error)}\n`);
  }

  get tally(): Tally {
    return { passed: this.#passed, failed: this.#failed, skipped: 0 };
  }
}

/** A step has failed and has said so. */
export class StepFailed extends Error {}

export function must(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new Error(otherwise);
}
