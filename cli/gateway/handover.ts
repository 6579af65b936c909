/**
 * Listening sockets from one process to the next, so that a restart refuses nobody: the successor accepts nothing before its
 * nodes are proven, so that one which fails takes no request with it; then both accept from the same queue, and the predecessor
 * stops and finishes what is open.
 *
 *     old --spawns, descriptors 4 and 5 inherited--> new: checks its nodes, then accepts
 *     old <----------- "ready" on descriptor 3 ----- new
 *     old: stops accepting, says close, ends         new: serves
 *
 * Descriptor 3 is also how each learns that the other has gone. A successor whose predecessor goes before it is ready ends.
 *
 * systemd hands sockets over in the same way (sd_listen_fds(3)): descriptors from 3 on, `LISTEN_PID` and `LISTEN_FDS` in the
 * environment. There a restart leaves the queue with systemd, and nobody is refused either.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { closeSync } from "node:fs";
import { Socket } from "node:net";
import { UserError } from "#core/errors.ts";
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
const READY = "ready";

/** The addresses that the predecessor was configured with. */
interface HandoverNote {
  readonly listen: string;
  readonly admin: string | null;
}

export interface Inherited {
  readonly sockets: ListeningSockets;
  /** Present where a predecessor serves on the sockets; it is aborted when that one goes before it was told. */
  readonly succession: AbortSignal | undefined;
  /** To be called when requests are accepted. */
  readonly tellReady: () => void;
}

export interface SuccessorOptions {
  /** One that is not ready by then is ended. */
  readonly readyMsMax: number;
  /** It is not wanted any more. */
  readonly signal: AbortSignal;
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
  const alone = { succession: undefined, tellReady: () => undefined };
  if (!isMeant || count < 1) return { sockets: {}, ...alone };
  return {
    sockets: { listen: SYSTEMD_FIRST_FD, ...(count > 1 ? { admin: SYSTEMD_FIRST_FD + 1 } : {}) },
    ...alone,
  };
}

function fromPredecessor(note: HandoverNote, { listen, admin }: Addresses): Inherited {
  const isSame = note.listen === textOf(listen);
  const isAdminSame = admin !== undefined && note.admin === textOf(admin);
  if (!isSame) closeSync(LISTEN_FD);
  if (!isAdminSame && note.admin !== null) closeSync(ADMIN_FD);
  const gone = new AbortController();
  const channel = new Socket({ fd: READY_FD });
  const abort = (): void =>
    gone.abort(new UserError("PREDECESSOR_GONE", "the gateway that it was to succeed has gone"));
  channel.once("close", abort).on("error", () => undefined);
  channel.resume();
  return {
    sockets: { ...(isSame ? { listen: LISTEN_FD } : {}), ...(isAdminSame ? { admin: ADMIN_FD } : {}) },
    succession: gone.signal,
    tellReady: () => {
      channel.off("close", abort);
      channel.end(READY);
    },
  };
}

/** `ready` resolves with the successor's pid; it rejects with why there is none, and then none runs. */
export function startSuccessor(
  { listen, admin }: Addresses,
  sockets: ListeningSockets,
  options: SuccessorOptions,
): { readonly pid: number | undefined; readonly ready: Promise<number> } {
  const note: HandoverNote = {
    listen: textOf(listen),
    admin: admin === undefined || sockets.admin === undefined ? null : textOf(admin),
  };
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: ["ignore", "inherit", "inherit", "pipe", sockets.listen, sockets.admin ?? "ignore"],
    env: childEnvironment({ [VARIABLE]: JSON.stringify(note) }),
  });
  return { pid: child.pid, ready: readyOf(child, options) };
}

function readyOf(child: ChildProcess, { readyMsMax, signal }: SuccessorOptions): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const tooLate = after(readyMsMax, () => {
    child.kill("SIGKILL");
    reject(new Error(`it was not ready after ${readyMsMax / 1_000} s`));
  });
  const abandon = (): void => {
    child.kill("SIGTERM");
    reject(new Error("this one was told to stop"));
  };
  signal.addEventListener("abort", abandon, { once: true });
  child.once("error", reject);
  child.once("exit", (status, signal) => reject(new Error(`it ended with ${signal ?? status}`)));
  child.stdio[READY_FD]!.once("data", () => resolve(child.pid!));
  const settle = (): void => {
    tooLate.cancel();
    signal.removeEventListener("abort", abandon);
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
