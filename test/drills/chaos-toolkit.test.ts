/** Beside the real Chaos Toolkit: its verdicts, its reading, its runs of what we write. */
import { beforeAll, expect, test } from "vitest";
import { readText } from "#core/checked-text/read-text.ts";
import { askPython, installChaosToolkit, type ChaosToolkit } from "./chaos-toolkit.ts";
import { REFUSED_PATHS, REFUSED_PATTERNS, TOLERANCES } from "./tolerances.ts";

let installed: ChaosToolkit | string = "not tried";

beforeAll(() => {
  installed = installChaosToolkit();
}, 300_000);

/** Skips the test, with the reason, where there is no Chaos Toolkit. */
function toolkitFor(context: { skip: (reason: string) => never }): ChaosToolkit {
  return typeof installed === "string" ? context.skip(`no Chaos Toolkit here: ${installed}`) : installed;
}

const VERDICTS = `
import json, sys, logging
logging.disable(logging.CRITICAL)
from chaoslib.hypothesis import within_tolerance
def verdict(tolerance, value):
    try:
        return "met" if within_tolerance(tolerance, value) else "missed"
    except Exception:
        return "unusable"
print(json.dumps([verdict(t, v) for t, v in json.load(sys.stdin)]))
`;

test("every tolerance of the table gets the verdict there that it gets here", (context) => {
  const toolkit = toolkitFor(context);
  const pairs = TOLERANCES.map(([tolerance, value]) => [tolerance, value]);
  const verdicts = askPython(toolkit, VERDICTS, pairs) as string[];
  const said = TOLERANCES.map(([tolerance, value], index) => [tolerance, value, verdicts[index]]);
  expect(said).toEqual(TOLERANCES);
});

const REFUSALS = `
import json, sys, logging, io, contextlib
logging.disable(logging.CRITICAL)
from chaoslib.hypothesis import ensure_hypothesis_tolerance_is_valid
def is_refused(tolerance):
    try:
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            ensure_hypothesis_tolerance_is_valid(tolerance)
        return False
    except Exception:
        return True
print(json.dumps([is_refused(t) for t in json.load(sys.stdin)]))
`;

test("paths and patterns that are refused here are refused there", (context) => {
  const toolkit = toolkitFor(context);
  const tolerances = [
    ...REFUSED_PATHS.map((path) => ({ type: "jsonpath", path })),
    ...REFUSED_PATTERNS.map((pattern) => ({ type: "regex", pattern })),
  ];
  const refused = askPython(toolkit, REFUSALS, tolerances) as boolean[];
  expect(tolerances.filter((_, index) => !refused[index])).toEqual([]);
});

const READING = `
import json, sys, yaml
def read(text):
    try:
        return json.loads(json.dumps(yaml.safe_load(text), default=str))
    except Exception as x:
        return "refused"
print(json.dumps([read(t) for t in json.load(sys.stdin)]))
`;

test("YAML scalars are the values there that they are here", (context) => {
  const toolkit = toolkitFor(context);
  const words = [
    "yes",
    "No",
    "on",
    "OFF",
    "y",
    "n",
    "Y",
    "true",
    "tRue",
    "null",
    "~",
    "Null",
    "",
    "017",
    "0o17",
    "0x1F",
    "0b11",
    "1_000",
    "12",
    "-3",
    "+4",
    "1.5",
    "-1.5",
    ".5",
    "1e3",
    "1.0e3",
    "1.0e+3",
    "1.e-3",
    "190:20:30",
    "1:30",
    "1.",
    "08",
    "0",
    "-0",
    "1:70",
    "_1",
    "1__0",
    "'yes'",
    '"1"',
    "a: b",
    "[yes, no, n]",
    "{on: off}",
    "a #b",
    "1,000",
  ];
  const texts = words.map((word) => `v: ${word}`);
  const there = askPython(toolkit, READING, texts) as unknown[];
  const here = texts.map((text) => {
    const read = readText(text, "yaml-1.1");
    return read.ok ? (JSON.parse(JSON.stringify(read.written)) as unknown) : "refused";
  });
  expect(texts.map((text, index) => [text, here[index]])).toEqual(
    texts.map((text, index) => [text, there[index]]),
  );
});
