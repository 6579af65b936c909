/** A lab as commands open and close it: its options from theirs, and an end that does not wait for a slow start. */
import { sleep } from "#core/host/clock.ts";
import { randomSeed } from "#core/host/random.ts";
import { VERSION } from "#core/version.ts";
import type { LiveWorld } from "#core/wire/world.ts";
import { LAB_DEFAULTS, type Lab, type LabOptions } from "#lab/lab.ts";
import { defaultRuntimeDir } from "#lab/runtime-dir.ts";
import type { DemoFlags } from "../demo.ts";
import type { Departure } from "../departure.ts";

/** Toxiproxy's own, which its clients ask unless told otherwise. */
const TOXIPROXY_PORT = 8474;
/** What a lab may take to leave by itself: its own bound. */
export const DRAIN_MS = 8_000;
/** A start that a signal interrupts may take this long to come so far that it can be undone. */
const START_MS_MAX = 2_000;

export function labOptions(flags: DemoFlags, journalFile: string | undefined, world?: LiveWorld): LabOptions {
  return {
    ...LAB_DEFAULTS,
    seed: flags.seed ?? randomSeed(),
    mode: flags.mode,
    bfd: flags.bfd ? LAB_DEFAULTS.bfd : undefined,
    nodesPerSite: flags.nodes,
    gatewayPort: wanted(flags.port, LAB_DEFAULTS.gatewayPort.port),
    controlPort: wanted(flags.controlPort, LAB_DEFAULTS.controlPort.port),
    listenHost: flags.listen,
    runtimeDir: defaultRuntimeDir(),
    journalFile,
    version: VERSION,
    ...(world === undefined ? {} : { world }),
    ...(flags.toxiproxy === undefined
      ? {}
      : { toxiproxyPort: wanted(flags.toxiproxy === true ? undefined : flags.toxiproxy, TOXIPROXY_PORT) }),
  };
}

/** Only a port that somebody asked for is insisted on. */
function wanted(asked: number | undefined, byDefault: number): { port: number; isStrict: boolean } {
  return { port: asked ?? byDefault, isStrict: asked !== undefined };
}

/**
 * Ends a lab that may still be starting. One that does not come up in time is left to the end of this process: its
 * guardian ends the cast and removes the lab's file then.
 */
export async function stopLab(starting: Promise<Lab>, why: string, how: "drain" | "now"): Promise<void> {
  const patienceMs = how === "now" ? 0 : START_MS_MAX;
  const lab = await Promise.race([starting.catch(() => undefined), sleep(patienceMs)]);
  await lab?.stop(why, how);
}

/** The lab, or the status to end with when a signal came first: what fails after that is of no interest. */
export async function started(starting: Promise<Lab>, departure: Departure): Promise<Lab | number> {
  try {
    return await Promise.race([starting, departure.done]);
  } catch (error) {
    if (departure.hasBegun) return await departure.done;
    throw error;
  }
}
