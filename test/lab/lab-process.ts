/** A lab in a process of its own, for tests that kill it: prints its status as one line of JSON when it is whole. */
import { Lab, LAB_DEFAULTS } from "#lab/lab.ts";

const ANY_PORT = { port: 0, isStrict: false };

const lab = await Lab.start({
  ...LAB_DEFAULTS,
  seed: 1,
  nodesPerSite: 1,
  gatewayPort: ANY_PORT,
  controlPort: ANY_PORT,
  runtimeDir: process.argv[2]!,
  journalFile: undefined,
  version: "0.0.0",
});
await lab.untilReady();
process.stdout.write(`${JSON.stringify(lab.status())}\n`);
