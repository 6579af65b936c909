/** The ways to fail in the order in which people are shown them; the wire type proves that none is left out. */
import type { FaultHow } from "../../core/wire/faults.ts";

const ORDER: Readonly<Record<FaultHow, number>> = { shutdown: 0, kill: 1, hang: 2, isolate: 3, "bgp-cut": 4 };

export const FAULT_HOWS = (Object.keys(ORDER) as FaultHow[]).sort((a, b) => ORDER[a] - ORDER[b]);
