/** What a keeper has in the runtime directory. */
import { join } from "node:path";
import { EXIT, UserError } from "#core/errors.ts";
import type { LockPurpose } from "../runtime-lock.ts";

/** What a fault may be called. */
export const FAULT_ID = /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,79}$/;

/** Of an address of a Unix socket (unix(7)), without the closing zero. */
const SOCKET_PATH_MAX = 107;

export const OF_KEEPER: LockPurpose = {
  fileName: "keeper.lock",
  refusal: (pid) =>
    new UserError("KEEPER_RUNNING", `a keeper of faults runs here already (pid ${pid})`, {
      exitCode: EXIT.failure,
    }),
};

export function ledgerPath(dir: string): string {
  return join(dir, "faults.ledger");
}

/** What the last keeper had to complain about. */
export function logPath(dir: string): string {
  return join(dir, "keeper.log");
}

/** Throws `DIR_UNUSABLE` where the system takes no such long address. */
export function socketPath(dir: string): string {
  const path = join(dir, "keeper.sock");
  if (Buffer.byteLength(path) <= SOCKET_PATH_MAX) return path;
  throw new UserError("DIR_UNUSABLE", `${path} is too long for the address of a socket`, {
    hint: `set ANYCASTLE_RUNTIME_DIR to a directory whose name has at most ${SOCKET_PATH_MAX - "/keeper.sock".length} bytes`,
  });
}
