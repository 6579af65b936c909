import fc from "fast-check";
import { expect, test } from "vitest";
import {
  hasSucceeded,
  readJournal,
  writeJournal,
  type ActivityRun,
  type Journal,
} from "#drills/experiment/journal.ts";
import type { Json, JsonObject } from "#drills/experiment/json.ts";
import { readExperiment } from "#drills/experiment/read-experiment.ts";
import { Redactor } from "#drills/experiment/redactor.ts";
import { missingVariables, openScope } from "#drills/experiment/scope.ts";
import { exportedDocument, writeDocument } from "#drills/experiment/write-experiment.ts";
import { sampleJournal } from "./sample-journal.ts";
import { SAMPLE, sampleWith } from "./sample-experiment.ts";

const NO_SECRETS = new Redactor([]);

test("a journal is read back as it was written", () => {
  const journal = sampleJournal();
  expect(readJournal(writeJournal(journal, NO_SECRETS))).toEqual(journal);
  const foreign = JSON.parse(writeJournal(journal, NO_SECRETS)) as JsonObject;
  expect(readJournal(JSON.stringify({ ...foreign, dry: "x" }))).toMatchObject({ dry: "x" });
});

test("what is no journal says where", () => {
  expect(() => readJournal("{")).toThrow("it is no JSON");
  expect(() => readJournal("[]")).toThrow("this is no journal of Chaos Toolkit");
  const journal = JSON.parse(writeJournal(sampleJournal(), NO_SECRETS)) as JsonObject;
  expect(() => readJournal(JSON.stringify({ ...journal, status: "fine" }))).toThrow("status: ");
});

test("completed is not yet good: states, deviation, activities and rollbacks decide", () => {
  const good = sampleJournal();
  const failed = (run: ActivityRun): ActivityRun => ({ ...run, status: "failed" });
  const before = { steady_state_met: false, probes: [] };
  expect(hasSucceeded(good)).toBe(true);
  const bad: Journal[] = [
    { ...good, deviated: true },
    { ...good, status: "aborted" },
    { ...good, steady_states: { ...good.steady_states, before }, run: [] },
    { ...good, steady_states: { ...good.steady_states, during: [before] } },
    { ...good, steady_states: { before: null, after: null, during: [] } },
    { ...good, run: good.run.map(failed) },
    { ...good, rollbacks: good.rollbacks.map(failed) },
  ];
  expect(bad.map(hasSucceeded)).toEqual(bad.map(() => false));
});

const SECRET = 'p"w \u00fc+/=\\x';

test("no secret gets into a journal, from the file, from the environment, in any form a call sends it", () => {
  const text = sampleWith(
    "anycastle_token: {type: env, key: ANYCASTLE_TOKEN}",
    "anycastle_token: {type: env, key: T}\n    other: inline-secret",
  );
  const read = readExperiment(text, "yaml");
  if (!read.ok) throw new Error("unread");
  const scope = openScope(read.experiment, (name) => (name === "T" ? SECRET : undefined));
  const echoes: Json = {
    plain: `a ${SECRET} b`,
    query: `/?t=${encodeURIComponent(SECRET)}`,
    form: new URLSearchParams({ t: SECRET }).toString(),
    json: JSON.stringify({ t: SECRET }),
    header: Buffer.from(SECRET).toString("base64"),
    inline: ["inline-secret"],
    [`key inline-secret`]: 1,
  };
  const journal = sampleJournal();
  const run = journal.run.map((one) => ({ ...one, output: echoes, exception: [`Bearer ${SECRET}`] }));
  const written = writeJournal({ ...journal, experiment: read.experiment.document, run }, scope.redactor);
  const forms = [
    SECRET,
    encodeURIComponent(SECRET),
    JSON.stringify(SECRET).slice(1, -1),
    Buffer.from(SECRET).toString("base64"),
    "inline-secret",
  ];
  for (const form of forms) expect(written).not.toContain(form);
  const parsed = JSON.parse(written) as Journal;
  expect(parsed.experiment["secrets"]).toEqual({
    anycastle: { anycastle_token: { type: "env", key: "T" }, other: "[secret]" },
  });
});

test("any secret in any output is kept out", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "grapheme", minLength: 4, maxLength: 30 }),
      fc.jsonValue({ maxDepth: 3 }),
      (secret, around) => {
        fc.pre(!"[secret]".includes(secret) && secret.trim().length >= 4);
        const output = { around, echo: `x${secret}y`, list: [secret, { [secret]: 1 }] } as Json;
        const redacted = JSON.stringify(new Redactor([secret]).json(output));
        expect(redacted).not.toContain(JSON.stringify(secret).slice(1, -1));
      },
    ),
  );
});

test("a document is written and read back without loss, foreign extensions and strange texts included", () => {
  const read = readExperiment(SAMPLE, "yaml");
  if (!read.ok) throw new Error("unread");
  for (const format of ["yaml", "json"] as const) {
    const again = readExperiment(writeDocument(read.experiment.document, format), format);
    expect(again).toEqual(read);
  }
  fc.assert(
    fc.property(
      fc.jsonValue({ maxDepth: 4 }).filter((value) => !JSON.stringify(value).includes("__proto__")),
      fc.constantFrom(
        "on",
        "No",
        "012",
        "1e3",
        "1:30",
        "~",
        "- a",
        "a: b",
        "#",
        "2026-01-01",
        "=",
        "<<",
        "\u0085",
        "é",
        "'",
        '"',
        " a ",
        "\t",
        "0x1F",
        "y",
      ),
      fc.constantFrom("yaml" as const, "json" as const),
      (value, word, format) => {
        const extensions = [
          ...(read.experiment.document["extensions"] as Json[]),
          { name: "x", value: value as Json, [word]: word },
        ];
        const document = { ...read.experiment.document, extensions };
        const again = readExperiment(writeDocument(document, format), format);
        expect(again.ok && again.experiment.document).toEqual(JSON.parse(JSON.stringify(document)));
      },
    ),
    { examples: [[{ "": -0 }, "on", "yaml"]] },
  );
});

test("what is handed on plays its rollbacks always, unless the author wrote otherwise", () => {
  const document = { title: "t", runtime: { hypothesis: { strategy: "continuously" } } };
  expect(exportedDocument(document)).toEqual({
    version: "1.0.0",
    title: "t",
    runtime: { hypothesis: { strategy: "continuously" }, rollbacks: { strategy: "always" } },
  });
  expect(exportedDocument({ version: "2", runtime: { rollbacks: { strategy: "never" } } })).toMatchObject({
    version: "2",
    runtime: { rollbacks: { strategy: "never" } },
  });
});

test("settings come from the file, the command line or the environment, converted as there", () => {
  const text = sampleWith(
    "target: ny1-1",
    [
      "target: ny1-1",
      "  n: {type: env, key: N, env_var_type: int}",
      "  f: {type: env, key: F, env_var_type: float}",
      "  b: {type: env, key: B, env_var_type: bool}",
      "  j: {type: env, key: J, env_var_type: json}",
      "  d: {type: env, key: D, default: 5}",
    ].join("\n"),
  );
  const read = readExperiment(text, "yaml");
  if (!read.ok) throw new Error("unread");
  const environment: Record<string, string> = { N: " 1_0 ", F: "0.5", B: "No", J: "[1]" };
  const scope = openScope(read.experiment, (name) => environment[name], new Map([["target", "la1-1"]]));
  expect(["n", "f", "b", "j", "d", "target"].map(scope.lookup)).toEqual([10, 0.5, false, [1], 5, "la1-1"]);
  expect([...scope.missing]).toEqual([["anycastle_token", "ANYCASTLE_TOKEN"]]);
  const opened = (key: string, value: string) => () =>
    openScope(read.experiment, (name) => ({ ...environment, [key]: value })[name]);
  expect(opened("N", "ten")).toThrow("the setting n is no int");
  expect(opened("ANYCASTLE_TOKEN", "abc")).toThrow("the secret ANYCASTLE_TOKEN is shorter than 4 characters");
});

test("what a run needs and nobody has set is told by the names of the variables", () => {
  const text = sampleWith(
    "headers: {Host: new-york.localhost}",
    "headers: {Host: '${host}', X: '${anycastle_token}'}",
  ).replace("target: ny1-1", "target: ny1-1\n  host: {type: env, key: VANTAGE_HOST}");
  const read = readExperiment(text, "yaml");
  if (!read.ok) throw new Error("unread");
  const { hypothesis, method, rollbacks } = read.experiment;
  const scope = openScope(read.experiment, () => undefined);
  expect(missingVariables([...hypothesis.probes, ...method], scope)).toEqual([
    "ANYCASTLE_TOKEN",
    "VANTAGE_HOST",
  ]);
  // Faults are ours: only Chaos Toolkit needs the token for them.
  expect(missingVariables([method[0]!, ...rollbacks], scope)).toEqual([]);
});
