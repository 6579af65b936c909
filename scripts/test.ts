/**
 * `npm test`, `npm run test:e2e`, `test:routers`, `test:browser` and `test:k6`: one suite of tests, then
 * `N passed, N failed` alone on the last line.
 *
 * `node scripts/test.ts [e2e|routers|browser|k6] [FILTER...]`: without a suite's name everything but the folders
 * that have one.
 */
import { dirname } from "node:path";
import { closingLine, runTests } from "./run-tests.ts";

const projectRoot = dirname(import.meta.dirname);
const words = process.argv.slice(2);
const suite = isSuite(words[0]) ? words[0] : "default";
const tally = await runTests(projectRoot, suite, suite === "default" ? words : words.slice(1));
process.stdout.write(`${closingLine(tally)}\n`);
process.exitCode = tally.failed === 0 && tally.passed > 0 ? 0 : 1;

function isSuite(word: string | undefined): word is "e2e" | "routers" | "browser" | "k6" {
  return word === "e2e" || word === "routers" || word === "browser" || word === "k6";
}
