/** Load from beside the containers for as long as they are broken and mended: `anycastle load`, ended by SIGINT. */
import { spawn, type ChildProcess } from "node:child_process";
import type { LoadResult } from "#core/wire/measure.ts";
import { must } from "./steps.ts";

const RATE = 100;
/** The run ends it before; without the run it ends by itself. */
const DURATION_S_MAX = 280;
const END_MS_MAX = 30_000;

export class LoadRun {
  readonly #child: ChildProcess;
  readonly #closed: Promise<void>;
  #hasEnded = false;
  #stdout = "";
  #stderr = "";

  /** `command`: how `anycastle load` is started, up to its options. */
  constructor(command: readonly string[]) {
    const [program, ...args] = command;
    const plan = ["--rate", String(RATE), "--duration", `${DURATION_S_MAX}s`, "--seed", "1", "--json"];
    this.#child = spawn(program!, [...args, ...plan], { stdio: ["ignore", "pipe", "pipe"] });
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => (this.#stdout += text));
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.#stderr += text));
    this.#closed = new Promise((resolve) => {
      this.#child.on("error", () => this.#end(resolve));
      this.#child.on("close", () => this.#end(resolve));
    });
  }

  /** Resolves when requests have been counted, and rejects when the process has ended instead. */
  async started(): Promise<string> {
    for (;;) {
      if (/sent [1-9]/.test(this.#stderr)) return `${RATE} requests/s`;
      must(!this.#hasEnded, `the load ended: ${this.#stderr}`);
      await Promise.race([this.#closed, new Promise((resolve) => this.#child.stderr?.once("data", resolve))]);
    }
  }

  async finish(): Promise<LoadResult> {
    this.#child.kill("SIGINT");
    const killer = setTimeout(() => this.#child.kill("SIGKILL"), END_MS_MAX);
    await this.#closed;
    clearTimeout(killer);
    must(this.#stdout.startsWith("{"), `the load gave no result: ${this.#stderr.slice(-2000)}`);
    return JSON.parse(this.#stdout) as LoadResult;
  }

  abandon(): void {
    this.#child.kill("SIGKILL");
  }

  #end(resolve: () => void): void {
    this.#hasEnded = true;
    resolve();
  }
}
