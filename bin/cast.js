// Entry of every process that a lab starts: `node bin/cast.js node|sim|gateway|relay|load|guardian|keeper`. Plain JavaScript, so
// that a process whose modules are in the compile cache never loads the type stripper (about 200 ms and 25 MB each).
import { enableCompileCache } from "node:module";

const ENTRIES = {
  node: "../edge-nodes/main.ts",
  sim: "../sim/serve/main.ts",
  gateway: "../gateway/main.ts",
  relay: "../lab/relay/main.ts",
  load: "../loadtest/main.ts",
  guardian: "../lab/guardian/main.ts",
  keeper: "../lab/keeper/main.ts",
};

const role = process.argv[2] ?? "";
const entry = Object.hasOwn(ENTRIES, role) ? ENTRIES[role] : undefined;
if (entry === undefined) {
  process.stderr.write(`cast.js: no role "${role}"; there are ${Object.keys(ENTRIES).join(", ")}\n`);
  process.exit(2);
}
process.title = `anycastle ${role}`;
enableCompileCache();
await import(entry);
