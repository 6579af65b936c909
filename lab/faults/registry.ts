/** All faults of an embedded lab, by the name people type. */
import type { FaultHow } from "#core/wire/faults.ts";
import { bgpCut } from "./bgp-cut.ts";
import type { Fault } from "./fault.ts";
import { hang } from "./hang.ts";
import { isolate } from "./isolate.ts";
import { kill } from "./kill.ts";
import { shutdown } from "./shutdown.ts";

export const FAULTS: Readonly<Record<FaultHow, Fault>> = { shutdown, kill, hang, isolate, "bgp-cut": bgpCut };
