/**
 * `npm test` and `npm run test:e2e`: one suite of tests, then `N passed, N failed` alone on the last line.
 *
 * `node scripts/test.ts [e2e] [FILTER...]`: without `e2e` everything but test/e2e.
 */
import { dirname } from "node:path";
import { closingLine, runTests } from "./run-tests.ts";

const projectRoot = dirname(import.meta.dirname);
const words = process.argv.slice(2);
const suite = words[0] === "e2e" ? "e2e" : "default";
const tally = await runTests(projectRoot, suite, suite === "e2e" ? words.slice(1) : words);
process.stdout.write(`${closingLine(tally)}\n`);
process.exitCode = tally.failed === 0 && tally.passed > 0 ? 0 : 1;
