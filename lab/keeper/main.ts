/**
 * The keeper (`node bin/cast.js keeper DIR`): the process that holds faults. It is nobody's child, so that it outlives drills and
 * commands, and ends by itself when there is nothing left to hold and nobody has asked for anything for a while. What a keeper
 * that was killed left in the ledger is undone before anything else.
 *
 * SIGTERM and SIGINT: all is removed, then it ends; SIGHUP is ignored.
 */
import { rmSync } from "node:fs";
import { messageOf } from "#core/errors.ts";
import { every, nowMs } from "#core/host/clock.ts";
import { prepareRuntimeDir } from "../runtime-dir.ts";
import { RuntimeLock } from "../runtime-lock.ts";
import { LiveEmbeddedCast } from "./embedded-cast.ts";
import { OF_KEEPER, ledgerPath, socketPath } from "./keeper-place.ts";
import { Keeper } from "./keeper.ts";
import { LedgerFile, readLedger } from "./ledger-file.ts";
import { startKeeperServer } from "./server.ts";

const IDLE_MS = 5_000;
const LOOK_MS = 250;
/** On its way out; what is not gone then stays in the ledger for the next one. */
const CLOSE_MS_MAX = 30_000;

const dir = process.argv[3] ?? "";
prepareRuntimeDir(dir);
const lock = await RuntimeLock.take(dir, OF_KEEPER);
const replay = await readLedger(ledgerPath(dir));
if (replay.spoiltCount > 0) say(`${replay.spoiltCount} lines of ${ledgerPath(dir)} cannot be read`);
const ledger = await LedgerFile.open(ledgerPath(dir), replay).catch((error: unknown) => {
  // Nothing new is injected, and what there is can be removed all the same.
  say(`${ledgerPath(dir)} cannot be written: ${messageOf(error)}`);
  return undefined;
});
const keeper = new Keeper({
  cast: new LiveEmbeddedCast(dir),
  append: async (record) => {
    if (ledger === undefined) throw new Error("the ledger could not be opened");
    await ledger.append(record);
  },
});
process.on("SIGHUP", () => undefined);
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => void leave());
keeper.replay(replay.armed);
// A leftover: its keeper has gone, or the lock could not have been taken.
rmSync(socketPath(dir), { force: true });
const server = await startKeeperServer(keeper, socketPath(dir));
let busyMs = nowMs();
every(LOOK_MS, () => {
  if (!keeper.isClean || server.open > 0) busyMs = nowMs();
  else if (nowMs() - busyMs >= IDLE_MS) void leave();
});

let isLeaving = false;
async function leave(): Promise<void> {
  if (isLeaving) return;
  isLeaving = true;
  await keeper.close("asked", CLOSE_MS_MAX);
  rmSync(socketPath(dir), { force: true });
  await server.close();
  await ledger?.close();
  lock.release();
  process.exit(0);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
