/**
 * Processes that a benchmark starts, each in a session of its own, so that its CPU time can be summed and all of it can
 * be ended by one signal, workers included. Whatever happens, nothing outlives the benchmark.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { accessSync, constants, readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { connect, createServer, type AddressInfo } from "node:net";
import { delimiter, join } from "node:path";
import { nowMs, sleep } from "#core/host/clock.ts";

/** USER_HZ; 100 on every Linux that Node supports. */
const US_PER_TICK = 10_000;
const PORT_MS_MAX = 10_000;
const PORT_POLL_MS = 10;
const STOP_MS_MAX = 2000;
/** Of the log of a process, kept for the message when it fails. */
const LOG_BYTES_MAX = 16_384;

export interface StartOptions {
  /** The only core it may use. Ignored where `taskset` is missing or there is one core. */
  readonly core?: number;
  /** Written to its standard input, which is then left open: processes of the cast end with it. */
  readonly input?: string;
  /** What it writes to its standard output, as it comes. */
  readonly onOutput?: (chunk: Buffer) => void;
  /** The same of its standard error; what its successors write there too. */
  readonly onError?: (chunk: Buffer) => void;
}

const running = new Set<BenchProcess>();

export class BenchProcess {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  #log = "";

  constructor(name: string, command: readonly string[], options: StartOptions = {}) {
    this.name = name;
    const [file, ...args] = pinned(command, options.core);
    this.#child = spawn(file!, args, { detached: true, stdio: ["pipe", "pipe", "pipe"] });
    running.add(this);
    this.#exited = new Promise((resolve) => {
      this.#child.once("error", (error) => {
        this.#log += error.message;
        running.delete(this);
        resolve();
      });
      this.#child.once("exit", () => {
        running.delete(this);
        resolve();
      });
    });
    for (const output of [this.#child.stdout, this.#child.stderr]) {
      output?.on("data", (chunk: Buffer) => {
        this.#log = (this.#log + chunk.toString()).slice(-LOG_BYTES_MAX);
      });
    }
    if (options.onOutput !== undefined) this.#child.stdout?.on("data", options.onOutput);
    if (options.onError !== undefined) this.#child.stderr?.on("data", options.onError);
    this.#child.stdin?.on("error", () => undefined);
    if (options.input !== undefined) this.#child.stdin?.write(options.input);
  }

  get pid(): number {
    return this.#child.pid!;
  }

  get log(): string {
    return this.#log;
  }

  /** CPU time used so far by the process and all of its session, in µs, to the tick of 10 ms. */
  cpuUs(): number {
    let ticks = 0;
    for (const name of readdirSync("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      const fields = statFields(name);
      // After the command: state 0, session 3, utime 11, stime 12.
      if (fields !== undefined && Number(fields[3]) === this.#child.pid) {
        ticks += Number(fields[11]) + Number(fields[12]);
      }
    }
    return ticks * US_PER_TICK;
  }

  /** Memory of the process and those it started; what they share counts for each. */
  rssKb(): number {
    const own = (of: string): number => Number(/^VmRSS:\s+(\d+) kB/m.exec(procText(of, "status"))?.[1] ?? 0);
    const pid = String(this.pid);
    const started = procText(pid, `task/${pid}/children`).split(" ").filter(Boolean);
    return [pid, ...started].reduce((sum, each) => sum + own(each), 0);
  }

  /** Resolves once something listens on `port`. */
  async untilListening(port: number): Promise<void> {
    const endMs = nowMs() + PORT_MS_MAX;
    while (!(await isOpen(port))) {
      if (this.#child.exitCode !== null || nowMs() > endMs) {
        throw new Error(`${this.name} does not listen on ${port}: ${this.#log.trim().slice(-2000)}`);
      }
      await sleep(PORT_POLL_MS);
    }
  }

  /** A line of JSON on its standard input. */
  tell(document: unknown): void {
    this.write(`${JSON.stringify(document)}\n`);
  }

  write(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** It reads the end of its standard input. */
  endInput(): void {
    this.#child.stdin?.end();
  }

  /** Resolves when it has ended, however. */
  get exited(): Promise<void> {
    return this.#exited;
  }

  /** What it wrote until it ended. */
  async output(): Promise<string> {
    await this.#exited;
    return this.#log;
  }

  async stop(): Promise<void> {
    this.signal("SIGTERM");
    await Promise.race([this.#exited, sleep(STOP_MS_MAX)]);
    this.signal("SIGKILL"); // Workers that outlived their master, too.
    await this.#exited;
  }

  kill(): void {
    this.signal("SIGKILL");
  }

  /** To all of its session. */
  signal(signal: NodeJS.Signals): void {
    if (this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, signal);
    } catch {
      // Nobody is left in the session.
    }
  }
}

/** For the end of the benchmark, whichever it is. */
export function killAll(): void {
  for (const child of running) child.kill();
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Path of a program, looked for where Debian keeps servers too. */
export function programPath(name: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
  for (const folder of folders) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here.
    }
  }
  return undefined;
}

/** Proxy and everything else on cores of their own, where there are two. */
export const canPin = availableParallelism() >= 2 && programPath("taskset") !== undefined;

function pinned(command: readonly string[], core: number | undefined): string[] {
  if (core === undefined || !canPin) return [...command];
  return ["taskset", "-c", String(core), ...command];
}

function statFields(pid: string): string[] | undefined {
  const text = procText(pid, "stat");
  return text === "" ? undefined : text.slice(text.lastIndexOf(")") + 2).split(" ");
}

/** Empty when it has ended meanwhile. */
function procText(pid: string, path: string): string {
  try {
    return readFileSync(`/proc/${pid}/${path}`, "utf8");
  } catch {
    return "";
  }
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
