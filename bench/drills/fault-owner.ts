/** A process that orders a fault for a drill, holds it, and is there to be killed: `node fault-owner.ts DIR CALL`. */
import { every } from "#core/host/clock.ts";
import type { FaultCall } from "#core/wire/keeper.ts";
import { KeeperClient } from "#lab/keeper/client.ts";

const ALIVE_MS = 1_000;

const [dir, call] = process.argv.slice(2);
const fault = JSON.parse(call!) as FaultCall;
const keeper = await KeeperClient.reach(dir!);
await keeper.own(fault.drill!, () => undefined);
// Given up, or its keeper was killed: that is what is drilled.
await keeper.add(fault).catch(() => undefined);
every(ALIVE_MS, () => undefined);
