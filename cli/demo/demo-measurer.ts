/**
 * Tests and load of a demo, for the keys of the live table and for the page alike: both run the same code and report
 * to the same journal. The load is a process of its own; what it writes is not kept, for what is of interest is what it
 * reports.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { devNull, tmpdir } from "node:os";
import { join } from "node:path";
import { EXIT, messageOf, UserError } from "#core/errors.ts";
import type { Lab } from "#lab/lab.ts";
import type { Measurer } from "#lab/measurer.ts";
import type { RunningLoad } from "#loadtest/load/run-load.ts";

const TEST_ROUNDS = 3;
/** Nobody watches for longer; then it ends by itself. */
const LOAD_MS_MAX = 4 * 3_600_000;
/** The first requests of a new process say more about it than about the network. */
const WARM_UP_MS = 1_000;
/** A demo's gate, as that of `anycastle load`: this machine does much beside it. */
const LAG_GATE_MS = 50;

export class DemoMeasurer implements Measurer {
  readonly #lab: Lab;
  #isTesting = false;
  #isStarting = false;
  #load: RunningLoad | undefined;

  constructor(lab: Lab) {
    this.#lab = lab;
  }

  get isLoading(): boolean {
    return this.#load !== undefined;
  }

  async test(): Promise<void> {
    if (this.#isTesting) {
      throw new UserError("TEST_RUNS", "a test runs already", {
        hint: "wait for its end",
        exitCode: EXIT.failure,
      });
    }
    this.#isTesting = true;
    try {
      const [{ runSpeedTest }, { speedTestEvents }] = await Promise.all([
        import("#loadtest/speed/speed-test.ts"),
        import("#loadtest/speed/speed-test-events.ts"),
      ]);
      const { gatewayUrl, places } = this.#lab;
      const { vantages } = this.#lab.status();
      const test = await runSpeedTest({ gatewayUrl, vantages, rounds: TEST_ROUNDS, label: "live", places });
      for (const event of speedTestEvents(test)) this.#lab.emit(event, "load");
    } finally {
      this.#isTesting = false;
    }
  }

  async startLoad(rate: number): Promise<void> {
    if (this.#isStarting) {
      throw new UserError("LOAD_STARTS", "a load is being started already", {
        hint: "wait until it runs",
        exitCode: EXIT.failure,
      });
    }
    this.#isStarting = true;
    try {
      await this.stopLoad();
      await this.#start(rate);
    } finally {
      this.#isStarting = false;
    }
  }

  async stopLoad(): Promise<void> {
    const load = this.#load;
    if (load === undefined) return;
    load.stop();
    await load.finished.catch(() => undefined);
  }

  async #start(rate: number): Promise<void> {
    const { startLoad } = await import("#loadtest/load/run-load.ts");
    const lab = this.#lab;
    const dir = mkdtempSync(join(tmpdir(), "anycastle-load-"));
    const { port } = new URL(lab.gatewayUrl);
    const { seed, vantages } = lab.status();
    const load = startLoad({
      document: {
        url: lab.gatewayUrl,
        rate,
        durationMs: LOAD_MS_MAX,
        warmUpMs: WARM_UP_MS,
        vantages: vantages.map(({ vantage }) => ({ vantage, host: `${vantage}.localhost:${port}` })),
        seed,
        lagGateMs: LAG_GATE_MS,
        resultFile: join(dir, "result.json"),
        logFile: devNull,
        executionUrls: [...lab.nodeUrls()],
      },
      onEvent: (event) => lab.emit(event),
    });
    this.#load = load;
    load.finished
      .catch((error: unknown) => this.#tellDeath(error))
      .finally(() => {
        rmSync(dir, { recursive: true, force: true });
        if (this.#load === load) this.#load = undefined;
      })
      .catch(() => undefined);
  }

  /** A load that has died has finished too: nobody must wait for its end. */
  #tellDeath(error: unknown): void {
    const reason = messageOf(error);
    this.#lab.emit({ kind: "process.log", process: "load", line: reason });
    this.#lab.emit(
      { kind: "load.finished", sent: 0, ok: 0, failed: 0, isVoid: true, voidReasons: [reason] },
      "load",
    );
  }
}
