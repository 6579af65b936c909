/**
 * One of a kind in a runtime directory, a lab or a keeper of faults: `lab.lock` names the process that has it, from before it
 * starts anybody until it has ended. The file appears whole or not at all (a link), and whose process is gone, by pid and start time, holds nothing.
 *
 * Of several that find a leftover only one may remove it, or the second would remove the first one's fresh lock. The
 * right to remove just this leftover is a lock of the same kind, `lab.lock.<pid>-<start>`; while it is held nobody else
 * puts anything in the leftover's place, so that to look and then to remove is one step.
 */
import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { codeOf, EXIT, messageOf, UserError } from "#core/errors.ts";
import { nowMs, sleep } from "#core/host/clock.ts";
import { isSameProcess, processStartTicks } from "./process-stat.ts";

/** What there is one of. */
export interface LockPurpose {
  readonly fileName: string;
  /** What is told to a second one; `pid` has the lock. */
  readonly refusal: (pid: number) => UserError;
}

const OF_LAB: LockPurpose = {
  fileName: "lab.lock",
  refusal: (pid) =>
    new UserError("LAB_RUNNING", `a lab is being started or stopped here (pid ${pid})`, {
      hint: "wait for it, or set ANYCASTLE_RUNTIME_DIR to run a second one beside it",
      exitCode: EXIT.failure,
    }),
};
/** Somebody removes a leftover: a few system calls. */
const CLEARING_MS_MAX = 2_000;
const POLL_MS = 5;
/** Files that come and go under our eyes: more is no coincidence. */
const TRIES_MAX = 100;
/** Rights to remove rights: one for each process that was killed within the same few system calls. */
const DEPTH_MAX = 4;

interface Owner {
  readonly pid: number;
  /** Of proc(5); absent where the system does not tell. */
  readonly startTicks?: string;
}

/** Who is in the way. `isClearing`: it only removes a leftover, and will be done in a moment. */
interface Holder {
  readonly owner: Owner;
  readonly isClearing: boolean;
}

export class RuntimeLock {
  readonly #file: string;
  readonly #text = ownText();
  #isReleased = false;

  private constructor(file: string) {
    this.#file = file;
  }

  /** Throws the purpose's refusal, for a lab `LAB_RUNNING`, naming the process that has it. */
  static async take(dir: string, { fileName, refusal }: LockPurpose = OF_LAB): Promise<RuntimeLock> {
    const file = join(dir, fileName);
    const untilMs = nowMs() + CLEARING_MS_MAX;
    for (;;) {
      const holder = takeFile(file);
      if (holder === undefined) return new RuntimeLock(file);
      if (!holder.isClearing || nowMs() >= untilMs) throw refusal(holder.owner.pid);
      await sleep(POLL_MS);
    }
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    if (readText(this.#file) === this.#text) rmSync(this.#file, { force: true });
  }
}

/** Of a lab, for who knows that process `pid` is gone: `clear` runs while nobody can take its place, then its lock goes. */
export function clearLockOf(dir: string, pid: number, clear: () => void): void {
  const file = join(dir, OF_LAB.fileName);
  const text = readText(file);
  if (text !== undefined && ownerIn(text)?.pid === pid) withRight(file, text, 0, clear);
}

/** Undefined: taken. */
function takeFile(file: string, depth = 0): Holder | undefined {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    if (create(file)) return undefined;
    const text = readText(file);
    if (text === undefined) continue; // It was released just now.
    const owner = ownerIn(text);
    if (owner !== undefined && isSameProcess(owner.pid, owner.startTicks)) {
      return { owner, isClearing: depth > 0 };
    }
    const other = withRight(file, text, depth, () => undefined);
    if (other !== undefined) return other;
  }
  throw broken(file, "it comes and goes");
}

/** Removes `file` if it still says `text`, after `before`. Returns who has the right to; then nothing was done. */
function withRight(file: string, text: string, depth: number, before: () => void): Holder | undefined {
  if (depth >= DEPTH_MAX) throw broken(file, "nobody can remove it");
  const right = `${file}.${nameOf(text)}`;
  const other = takeFile(right, depth + 1);
  if (other !== undefined) return other;
  try {
    if (readText(file) === text) {
      before();
      rmSync(file, { force: true });
    }
  } finally {
    rmSync(right, { force: true });
  }
  return undefined;
}

/** False when it is there. */
function create(file: string): boolean {
  const draft = `${file}.${process.pid}.draft`;
  try {
    writeFileSync(draft, ownText(), { mode: 0o600 });
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw broken(file, messageOf(error), error);
  } finally {
    rmSync(draft, { force: true });
  }
}

function ownText(): string {
  const startTicks = processStartTicks(process.pid);
  const owner: Owner = { pid: process.pid, ...(startTicks === undefined ? {} : { startTicks }) };
  return `${JSON.stringify(owner)}\n`;
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw broken(file, messageOf(error), error);
  }
}

/** Undefined when it is no lock's text: nobody holds it. */
function ownerIn(text: string): Owner | undefined {
  try {
    const { pid, startTicks } = JSON.parse(text) as Partial<Record<keyof Owner, unknown>>;
    if (typeof pid !== "number" || !Number.isInteger(pid) || pid <= 0) return undefined;
    return typeof startTicks === "string" ? { pid, startTicks } : { pid };
  } catch {
    return undefined;
  }
}

/** For a file name; the text itself is compared when it matters. */
function nameOf(text: string): string {
  const owner = ownerIn(text);
  return owner === undefined ? "torn" : `${owner.pid}-${(owner.startTicks ?? "0").replace(/\D/g, "")}`;
}

function broken(file: string, why: string, cause?: unknown): UserError {
  return new UserError("LAB_LOCK", `${file} cannot be taken: ${why}`, {
    hint: "if nothing of Anycastle runs, remove it; or set ANYCASTLE_RUNTIME_DIR to a directory with room",
    exitCode: EXIT.failure,
    ...(cause === undefined ? {} : { cause }),
  });
}
