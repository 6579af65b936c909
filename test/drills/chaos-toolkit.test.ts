/** Beside the real Chaos Toolkit: its verdicts, its reading, its runs of what we write. */
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { readText } from "#core/checked-text/read-text.ts";
import type { WrittenProvider } from "#drills/experiment/chaos-toolkit-schema.ts";
import type { HttpCall } from "#drills/experiment/experiment.ts";
import type { Json, JsonObject } from "#drills/experiment/json.ts";
import { matchJsonPath, parseJsonPath } from "#drills/experiment/json-path.ts";
import { pythonRegex } from "#drills/experiment/python-regex.ts";
import { readCall } from "#drills/experiment/read-calls.ts";
import { openScope } from "#drills/experiment/scope.ts";
import { HttpProvider } from "#drills/providers/http-provider.ts";
import { undiciTransport } from "#drills/providers/http-transport.ts";
import { hasSucceeded, readJournal, writeJournal } from "#drills/experiment/journal.ts";
import { readExperiment } from "#drills/experiment/read-experiment.ts";
import { Redactor } from "#drills/experiment/redactor.ts";
import { exportedDocument, writeDocument } from "#drills/experiment/write-experiment.ts";
import { SAMPLE } from "./sample-experiment.ts";
import { sampleJournal } from "./sample-journal.ts";
import { HTTP_PROVIDERS, startEchoServer, type Asked } from "./echo-server.ts";
import { askPython, askPythonMeanwhile, installChaosToolkit, type ChaosToolkit } from "./chaos-toolkit.ts";
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

const HTTP_CALLS = `
import json, sys, logging
logging.disable(logging.CRITICAL)
from chaoslib.provider.http import run_http_activity
given = json.load(sys.stdin)
def run(provider):
    try:
        activity = {"type": "probe", "name": "p", "tolerance": 200, "provider": dict(provider, type="http")}
        result = run_http_activity(activity, given["configuration"], given["secrets"])
        return {"status": result["status"], "body": result["body"], "echo": result["headers"].get("X-Echo")}
    except Exception as x:
        return "failed"
print(json.dumps([run(p) for p in given["providers"]]))
`;

test("HTTP providers ask what they ask there, and give what they give there", async (context) => {
  const toolkit = toolkitFor(context);
  const server = await startEchoServer();
  try {
    const configuration = { base: server.url, word: "w", number: 5, flag: true };
    const secrets = { s: { token: "a-long-token" } };
    const there = await askPythonMeanwhile(toolkit, HTTP_CALLS, {
      configuration,
      secrets,
      providers: HTTP_PROVIDERS,
    });
    const askedThere = server.takeAsked();
    const here = await callAll(configuration);
    expect(here.map((result, index) => [HTTP_PROVIDERS[index], result])).toEqual(
      (there as unknown[]).map((result, index) => [HTTP_PROVIDERS[index], result]),
    );
    expect(server.takeAsked().map(withoutSpaces)).toEqual(askedThere.map(withoutSpaces));
  } finally {
    await server.close();
  }
});

/** Python writes JSON with spaces; JSON is the same with and without. */
function withoutSpaces(asked: Asked): Asked {
  return asked.type === "application/json"
    ? { ...asked, body: asked.body.replaceAll(/([:,]) /g, "$1") }
    : asked;
}

async function callAll(configuration: Record<string, Json>): Promise<unknown[]> {
  const provider = new HttpProvider(undiciTransport);
  const scope = openScope(
    {
      configuration: new Map(
        Object.entries(configuration).map(([name, value]) => [name, { from: "file", value }]),
      ),
      secrets: new Map([["s", new Map([["token", { from: "file", value: "a-long-token" }]])]]),
    },
    () => undefined,
  );
  const results: unknown[] = [];
  for (const written of HTTP_PROVIDERS) {
    const context = { constants: () => undefined, ttlMs: undefined, issues: [], warnings: [] };
    const call = readCall({ ...written, type: "http" } as WrittenProvider, [], context);
    try {
      const reply = (await provider.run(call as HttpCall, scope, new AbortController().signal)) as JsonObject;
      results.push({
        status: reply["status"],
        body: reply["body"],
        echo: (reply["headers"] as JsonObject)["X-Echo"] ?? null,
      });
    } catch {
      results.push("failed");
    }
  }
  return results;
}

test("YAML that we write is read there as it was meant", (context) => {
  const toolkit = toolkitFor(context);
  const words = [
    "on",
    "No",
    "012",
    "08",
    "1e3",
    "1.0e+3",
    "1:30",
    "~",
    "null",
    "- a",
    "a: b",
    "#",
    "2026-01-01",
    "=",
    "<<",
    "é",
    "'",
    '"',
    " a ",
    "\t",
    "0x1F",
    "y",
    "",
    "!x",
    "&a",
    "*a",
    "%",
    "@",
    "`",
    "a\nb\n",
    "a\n\n",
    "\u2028",
    "\u0001",
    "[",
    "{",
    ">",
    "|",
    "-",
    "?",
    ":",
    "1_000",
    ".5",
    ".inf",
    "0b1",
  ];
  const numbers = [1e-7, -4e-323, 1e21, 0.1, -1.5e300, 9007199254740991, 0];
  const values = [
    ...words,
    ...words.map((word) => ({ [word]: [word, { word }] })),
    ...numbers,
    true,
    null,
    [],
    {},
  ];
  const there = askPython(
    toolkit,
    READING,
    values.map((value) => writeDocument({ v: value }, "yaml")),
  ) as { v: Json }[];
  expect(there).toEqual(values.map((v) => ({ v })));
});

test("chaos validates what we export", (context) => {
  const toolkit = toolkitFor(context);
  const read = readExperiment(SAMPLE, "yaml");
  if (!read.ok) throw new Error("unread");
  const directory = mkdtempSync(join(tmpdir(), "anycastle-chaos-"));
  try {
    for (const format of ["yaml", "json"] as const) {
      const file = join(directory, `exported.${format}`);
      writeFileSync(file, writeDocument(exportedDocument(read.experiment.document), format));
      const { status, stderr } = spawnSync(
        toolkit.chaos,
        ["--no-log-file", "--no-version-check", "validate", file],
        {
          cwd: directory,
          encoding: "utf8",
          env: { ...process.env, ANYCASTLE_TOKEN: "a-long-token" },
        },
      );
      expect([status, stderr]).toMatchObject([
        0,
        expect.stringContaining("experiment syntax and semantic look valid"),
      ]);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("chaos run drives a lab's faults with what we export, and we read its journal", async (context) => {
  const toolkit = toolkitFor(context);
  const read = readExperiment(SAMPLE.replace("pauses: {after: 5}", "pauses: {after: 0.1}"), "yaml");
  if (!read.ok) throw new Error("unread");
  const server = await startEchoServer();
  const directory = mkdtempSync(join(tmpdir(), "anycastle-chaos-"));
  try {
    const document = exportedDocument(read.experiment.document);
    const configuration = { ...(document["configuration"] as JsonObject), gateway: `${server.url}/ny1` };
    writeFileSync(join(directory, "exported.json"), writeDocument({ ...document, configuration }, "json"));
    const { promise, resolve } = Promise.withResolvers<string>();
    execFile(
      toolkit.chaos,
      ["--no-log-file", "--no-version-check", "run", "exported.json"],
      {
        cwd: directory,
        env: { ...process.env, ANYCASTLE_TOKEN: "a-long-token", ANYCASTLE_CONTROL: server.url },
      },
      (_error, stdout, stderr) => resolve(stdout + stderr),
    );
    const said = await promise;
    const journal = readJournal(readFileSync(join(directory, "journal.json"), "utf8"));
    expect([journal.status, journal.deviated, said]).toMatchObject(["completed", false, expect.any(String)]);
    expect(hasSucceeded(journal)).toBe(true);
    expect(journal.steady_states.after?.probes.map(({ tolerance_met }) => tolerance_met)).toEqual([
      true,
      true,
    ]);
    const orders = server.takeAsked().filter(({ url }) => url.startsWith("/api/v1/faults"));
    expect(orders.map(withoutSpaces)).toEqual([
      {
        method: "POST",
        url: "/api/v1/faults",
        type: "application/json",
        token: "Bearer a-long-token",
        body: '{"id":"ny1-crash","kind":"node_crash","target":"ny1-1","ttlMs":30000}',
      },
      {
        method: "DELETE",
        url: "/api/v1/faults/ny1-crash",
        type: undefined,
        token: "Bearer a-long-token",
        body: "",
      },
    ]);
  } finally {
    await server.close();
    rmSync(directory, { recursive: true });
  }
});

const JOURNAL = `
import json, sys
from chaoslib.types import Journal
from chaoslib.experiment import ensure_experiment_is_valid
from chaoslib.run import initialize_run_journal
journal = json.load(sys.stdin)
ensure_experiment_is_valid(journal["experiment"])
keys = set(initialize_run_journal(journal["experiment"])) | {"end", "duration"}
print(json.dumps({"missing": sorted(keys - set(journal)), "unknown": sorted(set(journal) - keys)}))
`;

test("our journal has the keys of theirs, and holds an experiment that they would run", (context) => {
  const toolkit = toolkitFor(context);
  const journal = sampleJournal();
  const environment = { ...process.env, ANYCASTLE_TOKEN: "a-long-token" };
  const written = JSON.parse(writeJournal(journal, new Redactor([]))) as unknown;
  expect(askPython(toolkit, JOURNAL, written, environment)).toEqual({ missing: [], unknown: [] });
});

const SEARCHES = `
import json, sys, re, io, contextlib, warnings
from jsonpath2.path import Path
warnings.simplefilter("ignore")
given = json.load(sys.stdin)
def searched(pattern):
    try:
        compiled = re.compile(pattern)
    except Exception:
        return None
    return [compiled.search(subject) is not None for subject in given["subjects"]]
def matched(path, document):
    try:
        return [match.current_value for match in path.match(document)]
    except Exception:
        return "raised"
def walked(text):
    try:
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            path = Path.parse_str(text)
    except Exception:
        return None
    return [matched(path, document) for document in given["documents"]]
print(json.dumps([[searched(p) for p in given["patterns"]], [walked(p) for p in given["paths"]]]))
`;

const PATTERN_PARTS = [
  "a",
  "b",
  ".",
  "^",
  "$",
  "\\d",
  "\\w",
  "\\s",
  "\\b",
  "\\B",
  "\\D",
  "\\W",
  "\\S",
  "[ab]",
  "[^a]",
  "[]x]",
  "[\\d_]",
  "(",
  "(?:",
  ")",
  "|",
  "*",
  "+",
  "?",
  "*?",
  "{2}",
  "{1,}",
  "{,2}",
  "{",
  "}",
  "]",
  "\\.",
  "\n",
  "\\A",
  "\\Z",
  "(?=",
  "(?!",
  "(?<=",
  "(?i)",
  "(?s)",
  "(?m)",
  "\\1",
  "é",
  "\\x41",
  "[-a]",
  "\\-",
  "/",
];
const SUBJECTS = ["", "a", "ab", "aab\n", "b\na", "A1_", "é a", "a.b-c", "]x}", "\\", "\n", "aaaa", "a/b A"];
const PATH_PARTS = [
  ".a",
  ".b",
  ".*",
  "..a",
  "..*",
  "[0]",
  "[-1]",
  "[1:]",
  "[::2]",
  "[-2:]",
  "[*]",
  '["a"]',
  '["a",0]',
  "[?(@.a)]",
  "[?(@.a = 1)]",
  "[?(@ > 1)]",
  "[?(not @.b)]",
  "[?(@.a and @.b or @.c)]",
  "[$.k]",
  "[@.k]",
  ".length()",
  ".keys()",
  ".entries()",
  ".charAt(0)",
  '[?(@.a != "x")]',
  ".",
  " ",
  "]",
];
const WALKED: readonly Json[] = [
  { a: 1, b: [1, 2, 3], k: "a" },
  [{ a: 1, b: 2 }, { a: [1], c: 0 }, 5, "xy"],
  { a: { a: { a: "x", b: null } }, k: "b", b: true },
  "text",
  3,
  [],
  [[1, 2], [3]],
];

/** Null where it is refused. */
function tried<T>(run: () => T): T | null {
  try {
    return run();
  } catch {
    return null;
  }
}

test("random patterns and paths find there what they find here", (context) => {
  const toolkit = toolkitFor(context);
  const joined = (parts: readonly string[]) =>
    fc.array(fc.constantFrom(...parts), { minLength: 1, maxLength: 6 }).map((some) => some.join(""));
  const patterns = fc.sample(joined(PATTERN_PARTS), { seed: 1_104, numRuns: 10_000 });
  const paths = fc.sample(joined(PATH_PARTS), { seed: 1_104, numRuns: 1_000 }).map((path) => `$${path}`);
  const [searched, walked] = askPython(toolkit, SEARCHES, {
    patterns,
    paths,
    subjects: SUBJECTS,
    documents: WALKED,
  }) as [(boolean[] | null)[], (Json[] | null)[]];
  const different = patterns.filter((pattern, index) => {
    const found = tried(() => pythonRegex(pattern));
    // A pattern may be refused here that Python takes: it is told before anything runs.
    return (
      found !== null &&
      JSON.stringify(SUBJECTS.map((one) => found.test(one))) !== JSON.stringify(searched[index])
    );
  });
  expect(different).toEqual([]);
  const here = paths.map((text) => {
    const path = tried(() => parseJsonPath(text));
    return path === null ? null : WALKED.map((one) => tried(() => matchJsonPath(path, one)) ?? "raised");
  });
  expect(paths.map((path, index) => [path, here[index]])).toEqual(
    paths.map((path, index) => [path, walked[index]]),
  );
});
