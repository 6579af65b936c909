/** The options of a lab from those of a command. */
import { randomSeed } from "#core/host/random.ts";
import { VERSION } from "#core/version.ts";
import { LAB_DEFAULTS, type LabOptions } from "#lab/lab.ts";
import { defaultRuntimeDir } from "#lab/runtime-dir.ts";
import type { DemoFlags } from "../demo.ts";

/** What a lab may take to leave by itself: its own bound. */
export const DRAIN_MS = 8_000;

export function labOptions(flags: DemoFlags, journalFile: string | undefined): LabOptions {
  return {
    ...LAB_DEFAULTS,
    seed: flags.seed ?? randomSeed(),
    mode: flags.mode,
    nodesPerSite: flags.nodes,
    gatewayPort: wanted(flags.port, LAB_DEFAULTS.gatewayPort.port),
    controlPort: wanted(flags.controlPort, LAB_DEFAULTS.controlPort.port),
    listenHost: flags.listen,
    runtimeDir: defaultRuntimeDir(),
    journalFile,
    version: VERSION,
  };
}

/** Only a port that somebody asked for is insisted on. */
function wanted(asked: number | undefined, byDefault: number): { port: number; isStrict: boolean } {
  return { port: asked ?? byDefault, isStrict: asked !== undefined };
}
