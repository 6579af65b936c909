/**
 * Listening sockets from one process to the next, so that a restart refuses nobody: both accept from the same queue until the
 * successor is ready, then the predecessor stops accepting and finishes what is open.
 *
 *     old --spawns, descriptors 4 and 5 inherited--> new: listens on them, checks its nodes
 *     old <----------- "ready" on descriptor 3 ----- new
 *     old: says close, finishes, ends                new: serves
 *
 * systemd hands sockets over in the same way (sd_listen_fds(3)): descriptors from 3 on, `LISTEN_PID` and `LISTEN_FDS` in the
 * environment. There a restart leaves the queue with systemd, and nobody is refused either.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, writeSync } from "node:fs";
import { childEnvironment, environmentValue, forgetEnvironment } from "#core/host/environment.ts";
import { after } from "#core/host/clock.ts";
import type { HostPort } from "#gateway/config.ts";
import type { ListeningSockets } from "#gateway/gateway.ts";

const VARIABLE = "ANYCASTLE_HANDOVER";
const READY_FD = 3;
const LISTEN_FD = 4;
const ADMIN_FD = 5;
/** systemd's first descriptor. */
const SYSTEMD_FIRST_FD = 3;
/** A successor that is not ready by then is ended. */
const READY_MS_MAX = 30_000;
const READY = "ready";

/** The addresses that the predecessor was configured with. */
interface HandoverNote {
  readonly listen: string;
  readonly admin: string | null;
}

export interface Inherited {
  readonly sockets: ListeningSockets;
  /** To be called when requests are served as well as ever. */
  readonly tellReady: () => void;
}

interface Addresses {
  readonly listen: HostPort;
  readonly admin: HostPort | undefined;
}

/** Sockets meant for this process, whether by a predecessor or by systemd; a predecessor's only for the same addresses. */
export function inheritedSockets(addresses: Addresses): Inherited {
  const note = environmentValue(VARIABLE);
  // Not for this one's own children.
  forgetEnvironment(VARIABLE);
  if (note !== undefined) return fromPredecessor(JSON.parse(note) as HandoverNote, addresses);
  const count = Number(environmentValue("LISTEN_FDS") ?? 0);
  const isMeant = environmentValue("LISTEN_PID") === String(process.pid);
  for (const name of ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"]) forgetEnvironment(name);
  if (!isMeant || count < 1) return { sockets: {}, tellReady: () => undefined };
  return {
    sockets: { listen: SYSTEMD_FIRST_FD, ...(count > 1 ? { admin: SYSTEMD_FIRST_FD + 1 } : {}) },
    tellReady: () => undefined,
  };
}

function fromPredecessor(note: HandoverNote, { listen, admin }: Addresses): Inherited {
  const isSame = note.listen === textOf(listen);
  const isAdminSame = admin !== undefined && note.admin === textOf(admin);
  if (!isSame) closeSync(LISTEN_FD);
  if (!isAdminSame && note.admin !== null) closeSync(ADMIN_FD);
  return {
    sockets: { ...(isSame ? { listen: LISTEN_FD } : {}), ...(isAdminSame ? { admin: ADMIN_FD } : {}) },
    tellReady: () => {
      writeSync(READY_FD, READY);
      closeSync(READY_FD);
    },
  };
}

/** Resolves with the successor's pid once it is ready; rejects with why there is none, and then none runs. */
export function startSuccessor({ listen, admin }: Addresses, sockets: ListeningSockets): Promise<number> {
  const note: HandoverNote = {
    listen: textOf(listen),
    admin: admin === undefined || sockets.admin === undefined ? null : textOf(admin),
  };
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: ["ignore", "inherit", "inherit", "pipe", sockets.listen, sockets.admin ?? "ignore"],
    env: childEnvironment({ [VARIABLE]: JSON.stringify(note) }),
  });
  return readyOf(child);
}

function readyOf(child: ChildProcess): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const tooLate = after(READY_MS_MAX, () => {
    child.kill("SIGKILL");
    reject(new Error(`it was not ready after ${READY_MS_MAX / 1_000} s`));
  });
  child.once("error", reject);
  child.once("exit", (status, signal) => reject(new Error(`it ended with ${signal ?? status}`)));
  child.stdio[READY_FD]!.once("data", () => resolve(child.pid!));
  const settle = (): void => {
    tooLate.cancel();
    child.stdio[READY_FD]!.destroy();
    // It lives on when this one has gone.
    child.unref();
  };
  promise.then(settle, settle);
  return promise;
}

function textOf({ host, port }: HostPort): string {
  return `${host}:${port}`;
}
