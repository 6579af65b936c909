/**
 * Where a running lab leaves word of itself: `lab.json` (mode 0600, it holds the token) in a directory of mode 0700
 * that belongs to the user. Commands read it to find the lab; a second lab reads it to refuse.
 */
import { chmodSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { codeOf, EXIT, UserError } from "#core/errors.ts";
import { environmentValue } from "#core/host/environment.ts";
import type { LabFile } from "#core/wire/control.ts";

const FILE_NAME = "lab.json";

/** `$ANYCASTLE_RUNTIME_DIR`, else `$XDG_RUNTIME_DIR/anycastle`, else a directory of the user's in the system's temporary one. */
export function defaultRuntimeDir(): string {
  const own = environmentValue("ANYCASTLE_RUNTIME_DIR");
  if (own !== undefined) return own;
  const xdg = environmentValue("XDG_RUNTIME_DIR");
  return xdg === undefined ? join(tmpdir(), `anycastle-${userInfo().uid}`) : join(xdg, "anycastle");
}

/** Makes it, or checks that it is the user's own and closed to others. Throws `RUNTIME_DIR_UNSAFE`. */
export function prepareRuntimeDir(dir: string): void {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const stat = lstatSync(dir);
  const { uid } = userInfo();
  if (!stat.isDirectory() || (uid >= 0 && stat.uid !== uid)) {
    throw new UserError("RUNTIME_DIR_UNSAFE", `${dir} is not a directory of your own`, {
      hint: "set ANYCASTLE_RUNTIME_DIR to one that is",
    });
  }
  if ((stat.mode & 0o077) !== 0) chmodSync(dir, 0o700);
}

export function writeLabFile(dir: string, lab: LabFile): void {
  const file = join(dir, FILE_NAME);
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(lab)}\n`, { mode: 0o600 });
  renameSync(draft, file);
}

export function labFilePath(dir: string): string {
  return join(dir, FILE_NAME);
}

/** Only the lab that wrote it removes it. */
export function removeLabFile(dir: string, pid: number): void {
  if (readLabFile(dir)?.pid === pid) rmSync(labFilePath(dir), { force: true });
}

/** Undefined when there is none, or what is there is no lab's. */
export function readLabFile(dir: string): LabFile | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(labFilePath(dir), "utf8"));
    return isLabFile(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The lab that runs now; a file whose process is gone is a leftover. */
export function findRunningLab(dir: string): LabFile | undefined {
  const lab = readLabFile(dir);
  return lab !== undefined && isAlive(lab.pid) ? lab : undefined;
}

export function refuseSecondLab(dir: string): void {
  const running = findRunningLab(dir);
  if (running === undefined || running.pid === process.pid) return;
  throw new UserError("LAB_RUNNING", `a lab runs already (pid ${running.pid}, ${running.gatewayUrl})`, {
    hint: "stop it with Ctrl-C or `kill` first, or set ANYCASTLE_RUNTIME_DIR to run a second one beside it",
    exitCode: EXIT.failure,
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === "EPERM";
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
