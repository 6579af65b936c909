/**
 * `anycastle demo` as a user starts it, in a runtime directory of its own, with the link to its page read from what it
 * prints.
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const LAUNCHER = join(dirname(dirname(import.meta.dirname)), "bin", "anycastle.js");
const START_MS_MAX = 60_000;
const LEAVE_MS_MAX = 20_000;
/** The end of what it printed, for a failure's message. */
const OUTPUT_CHARS_MAX = 8 * 1024;

export interface DemoOptions {
  /** Reused to start a second one in the place of the first. */
  readonly runtimeDir?: string;
  readonly controlPort?: number;
  readonly seed?: number;
}

export class DemoProcess {
  readonly runtimeDir: string;
  readonly #child: ChildProcess;
  readonly #link = Promise.withResolvers<string>();
  readonly #exited: Promise<void>;
  #output = "";

  /** Resolves when it has printed its link; the cast may still be starting. */
  static async start(options: DemoOptions = {}): Promise<DemoProcess> {
    const demo = new DemoProcess(options);
    await demo.#link.promise;
    return demo;
  }

  private constructor({ runtimeDir, controlPort = 0, seed = 1 }: DemoOptions) {
    this.runtimeDir = runtimeDir ?? mkdtempSync(join(tmpdir(), "anycastle-demo-"));
    const flags = ["--port", "0", "--control-port", String(controlPort), "--seed", String(seed)];
    this.#child = spawn(process.execPath, [LAUNCHER, "demo", ...flags], {
      env: { ...process.env, ANYCASTLE_RUNTIME_DIR: this.runtimeDir },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const timer = setTimeout(() => this.#link.reject(this.#failure("printed no link")), START_MS_MAX);
    const hear = (chunk: Buffer): void => this.#hear(chunk.toString("utf8"));
    this.#child.stdout!.on("data", hear);
    this.#child.stderr!.on("data", hear);
    this.#exited = new Promise((resolve) => this.#child.once("close", () => resolve()));
    void this.#exited.then(() => this.#link.reject(this.#failure("ended")));
    // Whoever awaits it later still gets the rejection.
    this.#link.promise.catch(() => undefined).finally(() => clearTimeout(timer));
  }

  /** The one-time link that it printed. */
  get link(): Promise<string> {
    return this.#link.promise;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Runs a command against this demo and gives its standard output. */
  command(...words: readonly string[]): string {
    const { stdout, stderr, status } = spawnSync(process.execPath, [LAUNCHER, ...words], {
      env: { ...process.env, ANYCASTLE_RUNTIME_DIR: this.runtimeDir },
      encoding: "utf8",
      timeout: LEAVE_MS_MAX,
    });
    if (status !== 0) throw new Error(`anycastle ${words.join(" ")} ended with ${status}: ${stderr}`);
    return stdout.trim();
  }

  /** SIGKILL: its guardian ends the cast. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#exited;
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGINT");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), LEAVE_MS_MAX);
    await this.#exited;
    clearTimeout(timer);
    rmSync(this.runtimeDir, { recursive: true, force: true });
  }

  #hear(text: string): void {
    this.#output = (this.#output + text).slice(-OUTPUT_CHARS_MAX);
    const link = /^\s*watch\s+(\S+#key=\S+)/m.exec(this.#output)?.[1];
    if (link !== undefined) this.#link.resolve(link);
  }

  #failure(what: string): Error {
    return new Error(`the demo ${what}: ${this.#output}`);
  }
}
