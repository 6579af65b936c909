/**
 * How much of the machine somebody else used while something was measured: CPU time stolen by the hypervisor and CPU
 * time of foreign processes, from /proc/stat and /proc/PID/stat (proc(5)). A timing taken on a box that was not ours
 * says nothing about the product; whoever measures calls it void. Linux only: elsewhere nothing is known.
 */
import { readdirSync, readFileSync } from "node:fs";
import { nowMs } from "./clock.ts";

/** USER_HZ; 100 on every Linux that Node supports. */
const TICKS_PER_S = 100;

export interface BoxNoise {
  readonly seconds: number;
  /** Mean number of cores stolen by the hypervisor. */
  readonly stolenCores: number;
  /** Mean number of cores busy with processes that are neither this one nor its descendants. */
  readonly foreignCores: number;
}

interface Sample {
  readonly atMs: number;
  readonly busyTicks: number;
  readonly stolenTicks: number;
  /** Per process of ours, keyed `pid:startTime`; one that ended keeps its last reading. */
  readonly ownTicks: ReadonlyMap<string, number>;
}

export class BoxNoiseWatch {
  readonly #rootPid: number;
  readonly #first: Sample | undefined;
  /** Highest reading of every process of ours seen so far: what a process used before it ended is ours too. */
  readonly #own = new Map<string, number>();

  /** Watches from now on; `rootPid` and all its descendants are "ours". */
  constructor(rootPid: number) {
    this.#rootPid = rootPid;
    this.#first = readSample(rootPid);
    this.#remember(this.#first);
  }

  /** Call now and then (every second is plenty): a process that comes and goes between two calls counts as foreign. */
  touch(): void {
    this.#remember(readSample(this.#rootPid));
  }

  /** Since construction; undefined where /proc cannot be read. */
  read(): BoxNoise | undefined {
    const last = readSample(this.#rootPid);
    if (this.#first === undefined || last === undefined) return undefined;
    this.#remember(last);
    const seconds = (last.atMs - this.#first.atMs) / 1000;
    if (seconds <= 0) return undefined;
    let ownTicks = 0;
    for (const [key, ticks] of this.#own) ownTicks += ticks - (this.#first.ownTicks.get(key) ?? 0);
    const busyTicks = last.busyTicks - this.#first.busyTicks;
    return {
      seconds,
      stolenCores: (last.stolenTicks - this.#first.stolenTicks) / TICKS_PER_S / seconds,
      foreignCores: Math.max(0, busyTicks - ownTicks) / TICKS_PER_S / seconds,
    };
  }

  #remember(sample: Sample | undefined): void {
    if (sample === undefined) return;
    for (const [key, ticks] of sample.ownTicks) this.#own.set(key, ticks);
  }
}

function readSample(rootPid: number): Sample | undefined {
  try {
    // cpu user nice system idle iowait irq softirq steal guest guest_nice
    const fields = readFileSync("/proc/stat", "utf8")
      .split("\n", 1)[0]!
      .trim()
      .split(/\s+/)
      .slice(1)
      .map(Number);
    // Interrupt time is left out: on loopback it is our own packets, and no process is charged for it.
    const [user = 0, nice = 0, system = 0, , , , , stolen = 0] = fields;
    return {
      atMs: nowMs(),
      busyTicks: user + nice + system,
      stolenTicks: stolen,
      ownTicks: readOwnTicks(rootPid),
    };
  } catch {
    return undefined;
  }
}

function readOwnTicks(rootPid: number): Map<string, number> {
  const parents = new Map<number, number>();
  const processes = new Map<number, { key: string; ticks: number }>();
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const fields = readStatFields(pid);
    if (fields === undefined) continue;
    // Counted from the state, field 3: parent is field 4, utime 14, stime 15, start time 22.
    parents.set(pid, Number(fields[1]));
    processes.set(pid, { key: `${pid}:${fields[19]}`, ticks: Number(fields[11]) + Number(fields[12]) });
  }
  const own = new Map<string, number>();
  for (const [pid, entry] of processes) {
    if (isDescendant(pid, rootPid, parents)) own.set(entry.key, entry.ticks);
  }
  return own;
}

/** Fields of /proc/PID/stat after the command, which may itself hold spaces and parentheses. */
function readStatFields(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined; // It ended between the listing and the reading.
  }
}

function isDescendant(pid: number, rootPid: number, parents: ReadonlyMap<number, number>): boolean {
  let current: number | undefined = pid;
  for (let depth = 0; depth < 64 && current !== undefined && current !== 0; depth++) {
    if (current === rootPid) return true;
    current = parents.get(current);
  }
  return false;
}
