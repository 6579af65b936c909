/**
 * The lab's end of the pipe to its guardian (`guardian/main.ts`). It keeps what the guardian was told, so that one that
 * dies is started again and told anew: a lab is never without for longer than the restart policy's first steps.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { after, nowMs, type Timer } from "#core/host/clock.ts";
import { childEnvironment } from "#core/host/environment.ts";
import { processStartTicks } from "../process-stat.ts";
import { RestartPolicy } from "../restart-policy.ts";
import { within } from "../waiting.ts";
import { killWatched } from "./kill-watched.ts";

const ENTRY = fileURLToPath(new URL("../../bin/cast.js", import.meta.url));
/** After its dismissal: it has at most a few signals to send. */
const LEAVE_MS_MAX = 2_000;

/** What the guardian reads, a line each. */
export type GuardianOrder =
  /** `startTicks` (proc(5), field 22) tells the process from a later one of the same number; null where unknown. */
  | { readonly do: "watch"; readonly pid: number; readonly startTicks: string | null }
  | { readonly do: "forget"; readonly pid: number }
  /** At the end what lab `pid` left in its runtime directory goes too. */
  | { readonly do: "clear"; readonly dir: string; readonly pid: number }
  /** The lab does that itself. */
  | { readonly do: "keep" };

export class Guardian {
  readonly #environment: Readonly<Record<string, string>>;
  readonly #onExit: (pid: number, code: number | null, signal: string | null) => void;
  readonly #policy = new RestartPolicy();
  /** Start times by pid. */
  readonly #watched = new Map<number, string | null>();
  #clearing: GuardianOrder | undefined;
  #child: ChildProcess | undefined;
  #restart: Timer | undefined;
  #isDismissed = false;

  /** `onExit` is told of an end that nobody asked for. */
  constructor(
    environment: Readonly<Record<string, string>>,
    onExit: (pid: number, code: number | null, signal: string | null) => void,
  ) {
    this.#environment = environment;
    this.#onExit = onExit;
    this.#start();
  }

  /** Null while there is none. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  watch(pid: number): void {
    if (pid <= 1) return; // It could not be started; 0 and 1 would be somebody else.
    const startTicks = processStartTicks(pid) ?? null;
    this.#watched.set(pid, startTicks);
    this.#tell({ do: "watch", pid, startTicks });
  }

  forget(pid: number): void {
    if (this.#watched.delete(pid)) this.#tell({ do: "forget", pid });
  }

  clearAtEnd(dir: string, pid: number): void {
    this.#clearing = { do: "clear", dir, pid };
    this.#tell(this.#clearing);
  }

  /**
   * The lab ends: what is still watched is killed. The runtime directory is left to the lab, which may have more to
   * close before another may take its place. Resolves when the guardian has gone.
   */
  async dismiss(): Promise<void> {
    this.#isDismissed = true;
    this.#tell({ do: "keep" });
    this.#restart?.cancel();
    const child = this.#child;
    if (child === undefined) return killWatched(this.#watched); // It died a moment ago.
    const { promise, resolve } = Promise.withResolvers<void>();
    child.once("exit", () => resolve());
    child.stdin!.end();
    await within(promise, LEAVE_MS_MAX, "the guardian did not end").catch(() => child.kill("SIGKILL"));
  }

  #start(): void {
    const startedMs = nowMs();
    const child = spawn(process.execPath, [ENTRY, "guardian"], {
      stdio: ["pipe", "ignore", "ignore"],
      env: childEnvironment(this.#environment),
      // Not in the terminal's group: Ctrl-C must not end it before its work is done.
      detached: true,
    });
    this.#child = child;
    let isEnded = false;
    const ended = (code: number | null, signal: string | null): void => {
      if (isEnded) return;
      isEnded = true;
      this.#child = undefined;
      if (this.#isDismissed) return;
      this.#onExit(child.pid ?? 0, code, signal);
      this.#restart = after(this.#policy.died(nowMs() - startedMs).delayMs, () => this.#start());
    };
    child.stdin.on("error", () => undefined);
    child.once("exit", ended);
    child.once("error", () => ended(null, null));
    for (const [pid, startTicks] of this.#watched) this.#tell({ do: "watch", pid, startTicks });
    if (this.#clearing !== undefined) this.#tell(this.#clearing);
  }

  #tell(order: GuardianOrder): void {
    const stdin = this.#child?.stdin;
    if (stdin?.writable === true) stdin.write(`${JSON.stringify(order)}\n`);
  }
}
