/**
 * Where a running lab leaves word of itself: `lab.json` (mode 0600, it holds the token) in a directory of mode 0700
 * that belongs to the user. Commands read it to find the lab; a second lab reads it to refuse. A file whose process is
 * gone, or whose pid is somebody else's by now, is a leftover and is replaced.
 */
import { existsSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { codeOf, EXIT, messageOf, UserError } from "#core/errors.ts";
import { environmentValue } from "#core/host/environment.ts";
import type { LabFile } from "#core/wire/control.ts";
import { checkPrivateDir, preparePrivateDir } from "./private-dir.ts";
import { isSameProcess, processStartTicks } from "./process-stat.ts";

const FILE_NAME = "lab.json";

/** `$ANYCASTLE_RUNTIME_DIR`, else `$XDG_RUNTIME_DIR/anycastle`, else a directory of the user's in the system's temporary one. */
export function defaultRuntimeDir(): string {
  const own = environmentValue("ANYCASTLE_RUNTIME_DIR");
  if (own !== undefined) return own;
  const xdg = environmentValue("XDG_RUNTIME_DIR");
  return xdg === undefined ? join(tmpdir(), `anycastle-${userInfo().uid}`) : join(xdg, "anycastle");
}

export function labFilePath(dir: string): string {
  return join(dir, FILE_NAME);
}

/** Makes the directory, or checks that it is the user's own and closed to others. Throws `DIR_UNSAFE`. */
export function prepareRuntimeDir(dir: string): void {
  preparePrivateDir(dir);
}

/**
 * Leaves word, atomically: the file is whole when it appears. For the lab that holds the directory's lock, or two could
 * take each other's word for a leftover.
 */
export function writeLabFile(dir: string, lab: LabFile): void {
  publish(dir, lab, (draft, file) => {
    if (linkNew(draft, file)) return;
    refuseSecondLab(dir);
    rmSync(file, { force: true });
    if (!linkNew(draft, file)) refuseSecondLab(dir);
  });
}

/** New word of the same lab, in one step. */
export function replaceLabFile(dir: string, lab: LabFile): void {
  publish(dir, lab, renameSync);
}

function publish(dir: string, lab: LabFile, put: (draft: string, file: string) => void): void {
  const file = labFilePath(dir);
  const draft = `${file}.${process.pid}`;
  const startTicks = processStartTicks(lab.pid);
  const whole = { ...lab, ...(startTicks === undefined ? {} : { startTicks }) };
  try {
    writeFileSync(draft, `${JSON.stringify(whole)}\n`, { mode: 0o600 });
    put(draft, file);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError("LAB_FILE", `${file} cannot be written: ${messageOf(error)}`, {
      hint: "commands find the lab by it; set ANYCASTLE_RUNTIME_DIR to a directory with room",
      exitCode: EXIT.failure,
      cause: error,
    });
  } finally {
    rmSync(draft, { force: true });
  }
}

/** False when `file` exists. */
function linkNew(draft: string, file: string): boolean {
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** Only the lab that wrote it removes it: `pid` must be the one in it. */
export function removeLabFile(file: string, pid: number): void {
  if (parseLabFile(file)?.pid === pid) rmSync(file, { force: true });
}

/** The lab that runs now. Throws `DIR_UNSAFE` when the word of it may be somebody else's. */
export function findRunningLab(dir: string): LabFile | undefined {
  if (!existsSync(dir)) return undefined;
  checkPrivateDir(dir);
  const lab = parseLabFile(labFilePath(dir));
  return lab !== undefined && isSameProcess(lab.pid, lab.startTicks) ? lab : undefined;
}

/** Throws `LAB_RUNNING`, naming the one that runs. */
export function refuseSecondLab(dir: string): void {
  const running = findRunningLab(dir);
  if (running === undefined) return;
  throw new UserError("LAB_RUNNING", `a lab runs already (pid ${running.pid}, ${running.gatewayUrl})`, {
    hint: "stop it with Ctrl-C in its terminal first, or set ANYCASTLE_RUNTIME_DIR to run a second one beside it",
    exitCode: EXIT.failure,
  });
}

/** Undefined when there is none, or what is there is no lab's. */
function parseLabFile(file: string): LabFile | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    return isLabFile(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isLabFile(value: unknown): value is LabFile {
  if (typeof value !== "object" || value === null) return false;
  const { pid, controlUrl, gatewayUrl, token } = value as Record<string, unknown>;
  return (
    typeof pid === "number" &&
    Number.isInteger(pid) &&
    pid > 0 &&
    typeof controlUrl === "string" &&
    typeof gatewayUrl === "string" &&
    typeof token === "string"
  );
}
