/**
 * `npm test`, `npm run test:e2e` and `npm run test:routers`: one suite of tests, then `N passed, N failed` alone on the
 * last line.
 *
 * `node scripts/test.ts [e2e|routers] [FILTER...]`: without a suite's name everything but test/e2e and test/routers.
 */
import { dirname } from "node:path";
import { closingLine, runTests } from "./run-tests.ts";

const projectRoot = dirname(import.meta.dirname);
const words = process.argv.slice(2);
const suite = words[0] === "e2e" || words[0] === "routers" ? words[0] : "default";
const tally = await runTests(projectRoot, suite, suite === "default" ? words : words.slice(1));
process.stdout.write(`${closingLine(tally)}\n`);
process.exitCode = tally.failed === 0 && tally.passed > 0 ? 0 : 1;
