/** The lab that benches measure: the default cast on any free ports, its runtime directory inside the bench's own. */
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { VERSION } from "#core/version.ts";
import { Lab, LAB_DEFAULTS } from "#lab/lab.ts";

const ANY_PORT = { port: 0, isStrict: false };

export function startBenchLab(directory: string, seed = 1): Promise<Lab> {
  return Lab.start({
    ...LAB_DEFAULTS,
    seed,
    gatewayPort: ANY_PORT,
    controlPort: ANY_PORT,
    runtimeDir: mkdtempSync(join(directory, "lab-")),
    journalFile: undefined,
    version: VERSION,
  });
}
