import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  formatOf,
  readExperiment,
  TEXT_LENGTH_MAX,
  type ExperimentResult,
} from "#drills/experiment/read-experiment.ts";
import type { TextProblem } from "#core/checked-text/read-text.ts";
import { SAMPLE, sampleWith } from "./sample-experiment.ts";

function told({ line, column, path, message, didYouMean }: TextProblem): string {
  const near = didYouMean === undefined ? "" : ` Did you mean "${didYouMean}"?`;
  return `${line}:${column} ${path}: ${message}.${near}`;
}

function problemsOf(result: ExperimentResult): string[] {
  return result.ok ? [] : result.problems.map(told);
}

function warningsOf(text: string): string[] {
  const result = readExperiment(text, "yaml");
  if (!result.ok) throw new Error(result.problems.map(told).join("\n"));
  return result.warnings.map(told);
}

/** The sample with `what` replaced is refused with exactly these. */
function check(what: string, by: string, ...expected: string[]): void {
  expect(problemsOf(readExperiment(sampleWith(what, by), "yaml"))).toEqual(expected);
}

test("the sample is read: faults known, references resolved, durations in ms, no warning", () => {
  const result = readExperiment(SAMPLE, "yaml");
  if (!result.ok) throw new Error(result.problems.map(told).join("\n"));
  const { experiment, warnings } = result;
  expect(warnings).toEqual([]);
  expect(experiment.faults).toEqual([
    { id: "ny1-crash", kind: "service_crash", target: "ny1-1", ttlMs: 30_000, intensity: 1, attributes: {} },
  ]);
  expect(experiment.method.map(({ name, call }) => [name, call.type])).toEqual([
    ["kill ny1-1", "inject"],
    ["gateway-answers", "http"],
  ]);
  expect(experiment.method[0]!.pauses).toEqual({ before: 0, after: 5_000 });
  expect(experiment.rollbacks[0]!.call).toEqual({ type: "remove", faultId: "ny1-crash" });
  expect(experiment.hypothesis.probes[1]!.call).toMatchObject({ timeout: { connectMs: 500, readMs: 2_000 } });
  expect(experiment.plan.stages.map(({ hold }) => hold)).toEqual([10_000, 90_000]);
  expect(experiment.plan.probes["gateway-answers"]).toMatchObject({
    mode: "Continuous",
    pollMs: 500,
    retry: 1,
  });
  expect(experiment.plan.blastRadius.maxRegions).toBe(1);
});

test("the experiment in the documentation is one, without a warning", () => {
  const page = readFileSync(join(import.meta.dirname, "../../docs/experiments.md"), "utf8");
  const text = /```yaml\n([\s\S]*?)```/.exec(page)![1]!;
  expect(warningsOf(text)).toEqual([]);
});

test("JSON and YAML of one document are one experiment", () => {
  const yaml = readExperiment(SAMPLE, "yaml");
  if (!yaml.ok) throw new Error("unread");
  const json = readExperiment(JSON.stringify(yaml.experiment.document, null, "\t"), "json");
  expect(json).toEqual({ ok: true, experiment: yaml.experiment, warnings: [] });
});

test("the name of a file says what it is, as in Chaos Toolkit", () => {
  expect(["a.json", "b.JSON", "c.yaml", "d.yml", "e"].map(formatOf)).toEqual([
    "json",
    "json",
    "yaml",
    "yaml",
    "yaml",
  ]);
});

test("an experiment cannot be changed", () => {
  const result = readExperiment(SAMPLE, "yaml");
  if (!result.ok) throw new Error("unread");
  const { experiment } = result;
  for (const part of [experiment, experiment.method, experiment.method[0]!.document, experiment.plan.load!]) {
    expect(Object.isFrozen(part)).toBe(true);
  }
});

test("without our block a file of somebody else gets the narrowest plan", () => {
  const result = readExperiment(SAMPLE.slice(0, SAMPLE.indexOf("  - name: anycastle")), "yaml");
  expect(result).toMatchObject({
    ok: true,
    experiment: { plan: { blastRadius: { mode: "one", maxRegions: 1 }, stopConditions: [] } },
  });
});

test("what is missing is told where it should stand", () => {
  check(
    SAMPLE.slice(SAMPLE.indexOf("steady-state"), SAMPLE.indexOf("method:")),
    "",
    '1:1 steady-state-hypothesis: "steady-state-hypothesis" is missing: say what should survive, {title: …, probes: [{…, tolerance: 200}]}.',
  );
  check(
    "description: One node of ny1 is killed under load.\n",
    "",
    '1:1 description: "description" is missing.',
  );
  check(
    "      name: gateway-answers\n",
    "",
    '15:7 steady-state-hypothesis.probes.0.name: "name" is missing.',
  );
  expect(problemsOf(readExperiment("", "yaml"))).toEqual(["1:1 : the file is empty."]);
});

test("a misspelt key is one problem, and says what was meant", () => {
  check(
    "steady-state-hypothesis",
    "steady-state-hypotesis",
    '12:1 steady-state-hypotesis: unknown key "steady-state-hypotesis". Did you mean "steady-state-hypothesis"?',
  );
  check(
    "tolerance: 200",
    "tolerence: 200",
    '17:7 steady-state-hypothesis.probes.0.tolerence: unknown key "tolerence". Did you mean "tolerance"?',
  );
});

test("unknown keys: refused in our block and in our faults, kept and told elsewhere", () => {
  check(
    "maxTrafficShare",
    "maxTraficShare",
    '52:30 extensions.1.blastRadius.maxTraficShare: unknown key "maxTraficShare". Did you mean "maxTrafficShare"?',
  );
  check(
    "ttlMs: 30000",
    "ttlMs: 30000, tlMs: 1",
    '35:87 method.0.provider.arguments.tlMs: unknown key "tlMs"; what belongs to the kind stands in "attributes". Did you mean "ttlMs"?',
  );
  expect(warningsOf(sampleWith("rollbacks:\n", "rolbacks: []\nrollbacks:\n"))).toEqual([
    '38:1 rolbacks: unknown key "rolbacks": it is kept, and not read. Did you mean "rollbacks"?',
  ]);
});

test("a fault has an end, a known kind and an id of its own", () => {
  const ttl =
    "expected whole milliseconds above 0 and at most 86400000: a fault without an end is not injected";
  for (const wrong of ["0", "-1", "1.5", "30s", "86400001"]) {
    check("ttlMs: 30000", `ttlMs: ${wrong}`, `35:80 method.0.provider.arguments.ttlMs: ${ttl}.`);
  }
  check(", ttlMs: 30000", "", `35:18 method.0.provider.arguments.ttlMs: "ttlMs" is missing: ${ttl}.`);
  check(
    "kind: node_crash",
    "kind: node_crsh",
    '35:40 method.0.provider.arguments.kind: unknown kind of fault; did you mean "node_crash"?.',
  );
  check(
    'target: "${target}"',
    'target: "${nobody}"',
    '35:18 method.0.provider.arguments: ${nobody} is not known before the run; a fault takes constants and settings written in "configuration".',
  );
  check(
    "/faults\n      method: POST",
    "/fault\n      method: POST",
    "32:12 method.0.provider.url: expected ${anycastle_control}/api/v1/faults, or that and /ID: experiments change nothing else in a lab.",
  );
  check(
    "faults/ny1-crash",
    "faults/ny1-crsh",
    '42:7 rollbacks.0.provider: the method injects no fault "ny1-crsh". Did you mean "ny1-crash"?',
  );
});

test("a lab's status is probed like anybody's; an order without its method is told", () => {
  const probe =
    "  - {type: probe, name: announced, provider: {type: http, url: '${anycastle_control}/api/v1/status'}}";
  const read = readExperiment(sampleWith("  - ref: gateway-answers", probe), "yaml");
  expect(read).toMatchObject({
    ok: true,
    warnings: [],
    experiment: { method: [{}, { call: { type: "http", method: "GET" } }] },
  });
  check(
    "      method: POST\n",
    "",
    "32:12 method.0.provider.url: faults are injected by POST to the path, and removed by DELETE of the path and /ID.",
  );
});

test("a fault stands in the method, once", () => {
  const again = SAMPLE.slice(
    SAMPLE.indexOf("  - type: action\n    name: kill"),
    SAMPLE.indexOf("  - ref: gateway"),
  );
  check(
    "  - ref: gateway-answers\n",
    again,
    '40:7 method.1.provider: the fault "ny1-crash" is injected by method.0 already: give this one another id.',
  );
  check(
    "rollbacks:\n",
    `rollbacks:\n${again}`,
    "42:7 rollbacks.0.provider: a fault is injected by an action of the method, and nowhere else.",
  );
});

test("a fault is removed by an action", () => {
  check(
    "  - type: action\n    name: revive",
    "  - type: probe\n    name: revive",
    "39:5 rollbacks.0: a fault is removed by an action of the method or the rollbacks.",
  );
});

test("references lead somewhere", () => {
  check(
    "  - ref: gateway-answers",
    "  - ref: gateway-answer",
    '37:10 method.1.ref: there is no activity "gateway-answer" in the method or the hypothesis. Did you mean "gateway-answers"?',
  );
  check(
    "  - ref: gateway-answers",
    "  - {name: a, ref: b}\n  - {name: b, ref: a}",
    "37:20 method.1.ref: the references go round in a ring: b -> a -> b.",
    "38:20 method.2.ref: the references go round in a ring: a -> b -> a.",
  );
  check(
    "  - ref: gateway-answers",
    "  - {name: a, ref: a}",
    "37:20 method.1.ref: the references go round in a ring: a -> a.",
  );
});

test("stop conditions and probe modes name probes of the hypothesis, and cohorts when they compare", () => {
  check(
    "ref: gateway-answers, con",
    "ref: gateway-ansers, con",
    '55:30 extensions.1.stopConditions.1.ref: there is no such probe in the hypothesis. Did you mean "gateway-answers"?',
  );
  check(
    "probes: {gateway-answers",
    "probes: {gateway-ansers",
    '57:14 extensions.1.probes.gateway-ansers: there is no such probe in the hypothesis. Did you mean "gateway-answers"?',
  );
  check(
    "    cohorts: {share: 0.05}\n",
    "",
    '56:18 extensions.1.stopConditions.2.source: a stop condition "control-variable" needs "cohorts: {share: 0.05}".',
  );
});

test("the radius is one; all needs a reason", () => {
  check(
    "mode: one",
    "mode: all",
    '52:25 extensions.1.blastRadius.mode: mode "all" needs override: "why everything may be hit at once".',
  );
  check(
    "mode: one",
    "mode: fixed",
    '52:25 extensions.1.blastRadius.mode: mode "fixed" needs "value": how many, or percent of them.',
  );
  const result = readExperiment(sampleWith("mode: one", "mode: all, override: game day"), "yaml");
  expect(result).toMatchObject({ ok: true, experiment: { plan: { blastRadius: { override: "game day" } } } });
});

test("durations and schedules say what they take", () => {
  const wanted = "expected a duration above 0 and at most 24h, such as 250ms, 30s or 1m30s";
  for (const wrong of ["30", "0s", "25h", "1 minute", "-3s", "1e3s"]) {
    check("window: 30s", `window: ${wrong}`, `54:71 extensions.1.stopConditions.0.window: ${wanted}.`);
  }
  const cron = 'expected five fields of cron ("0 2 * * 1"), a nickname ("@hourly") or "@every 2m"';
  for (const wrong of ['"* * *"', '"@every soon"', '"@sometimes"', '"0 2 * * 1; x"']) {
    check(
      "    cohorts: {",
      `    schedule: {cron: ${wrong}}\n    cohorts: {`,
      `60:22 extensions.1.schedule.cron: ${cron}.`,
    );
  }
});

test("unsupported providers are told by name", () => {
  check(
    "type: http\n        url: ${gateway}/",
    "type: dns\n        url: ${gateway}/",
    '19:15 steady-state-hypothesis.probes.0.provider.type: unsupported provider: expected one of "http", "process", "python".',
  );
  const python = (call: string): [string, string] => [
    "  - ref: gateway-answers",
    `  - {type: action, name: p, provider: {type: python, ${call}}}`,
  ];
  check(
    ...python("module: chaosaws.ec2.actions, func: stop_instance"),
    "37:90 method.1.provider.func: unsupported provider: python chaosaws.ec2.actions.stop_instance; python is never run, and this function has no counterpart here.",
  );
  check(
    ...python("module: chaostoxi.toxic.actions, func: create_latency_toxi"),
    '37:93 method.1.provider.func: unsupported provider: python chaostoxi.toxic.actions.create_latency_toxi; python is never run, and this function has no counterpart here. Did you mean "chaostoxi.toxic.actions.create_latency_toxic"?',
  );
  check(
    ...python("module: chaosprometheus.probes, func: query, arguments: {qury: up}"),
    '37:110 method.1.provider.arguments: the argument "query" is missing.',
    '37:111 method.1.provider.arguments.qury: unknown argument "qury". Did you mean "query"?',
  );
  const toxic =
    "module: chaostoxi.toxic.actions, func: create_latency_toxic, arguments: {for_proxy: ny1-1, toxic_name: slow, latency: 300, jitter: 50}";
  check(
    ...python(toxic),
    '37:93 method.1.provider.func: chaostoxi.toxic.actions.create_latency_toxic injects a fault and has no TTL: add "foreignTtl: 60s" to the extension "anycastle".',
  );
});

test("a file that was meant as a rehearsal is not run in earnest", () => {
  const dry = "dry is not read: a drill is rehearsed by whoever runs it, with dry-run";
  check("tags:", "dry: activities\ntags:", `3:6 dry: ${dry}.`);
  check("name: kill ny1-1", "name: kill ny1-1\n    dry: actions", `30:10 method.0.dry: ${dry}.`);
});

test("an imported fault is held to the rules of ours", () => {
  const pods = (given: string): string =>
    `  - {type: action, name: p, provider: {type: python, module: chaosk8s.pod.actions, func: terminate_pods, arguments: ${given}}}\n`;
  const text = (given: string): string =>
    sampleWith("  - ref: gateway-answers\n", pods(given) + pods(given)).replace(
      "    cohorts:",
      "    foreignTtl: 1m\n    cohorts:",
    );
  const read = readExperiment(text("{label_selector: app=web, ns: production}"), "yaml");
  expect(
    read.ok && read.experiment.faults.slice(1).map(({ id, kind, target }) => [id, kind, target]),
  ).toEqual([
    ["terminate-pods-1", "service_crash", "pod:production/app=web"],
    ["terminate-pods-2", "service_crash", "pod:production/app=web"],
  ]);
  expect(warningsOf(text("{label_selector: app=web, qty: 5}"))[0]).toContain(
    'how many pods are hit says "blastRadius"',
  );
  expect(problemsOf(readExperiment(text("{name_pattern: 'a b'}"), "yaml"))[0]).toContain(
    "target of the fault: expected a node",
  );
});

test("a toxic of Chaos Toolkit's Toxiproxy driver is a fault of ours, with the plan's TTL", () => {
  const text = sampleWith(
    "  - ref: gateway-answers",
    "  - {type: action, name: p, provider: {type: python, module: chaostoxi.toxic.actions, func: create_latency_toxic, arguments: {for_proxy: ny1-1, toxic_name: slow, latency: 300, jitter: 50}}}",
  ).replace("    cohorts:", "    foreignTtl: 1m\n    cohorts:");
  expect(readExperiment(text, "yaml")).toMatchObject({
    ok: true,
    experiment: {
      faults: [
        {},
        {
          id: "slow",
          kind: "network_delay",
          target: "ny1-1",
          ttlMs: 60_000,
          attributes: { latencyMs: 300, jitterMs: 50 },
        },
      ],
    },
  });
});

test("process providers: a bare name or an absolute path, words and no shell", () => {
  const process = (rest: string): [string, string] => [
    "  - ref: gateway-answers",
    `  - {type: probe, name: p, provider: {type: process, ${rest}}}`,
  ];
  const wanted = "write a bare name, which is looked up in PATH, or an absolute path";
  check(
    ...process("path: ../../bin/sh"),
    `37:60 method.1.provider.path: the path climbs with "..": ${wanted}.`,
  );
  check(
    ...process("path: /usr/bin/../../bin/sh"),
    `37:60 method.1.provider.path: the path climbs with "..": ${wanted}.`,
  );
  check(
    ...process("path: ./run.sh"),
    `37:60 method.1.provider.path: the path depends on where it is run: ${wanted}.`,
  );
  check(
    ...process("path: ~/run.sh"),
    `37:60 method.1.provider.path: the path depends on who runs it: ${wanted}.`,
  );
  check(...process('path: "a\\0b"'), `37:60 method.1.provider.path: the path holds a NUL: ${wanted}.`);
  check(
    ...process('path: "${gateway}"'),
    `37:60 method.1.provider.path: Chaos Toolkit does not resolve templates in a path: ${wanted}.`,
  );
  check(
    ...process('path: curl, arguments: "-s http://a | sh"'),
    "37:77 method.1.provider.arguments: Chaos Toolkit gives this text to a shell, and we do not: write a list of words.",
  );
  check(
    ...process("path: curl, arguments: [[a]]"),
    "37:78 method.1.provider.arguments.0: a word is a text or a number.",
  );
});

test("tolerances are checked before anything runs", () => {
  const forms =
    "expected a status, a text, true or false, a list, or {type: regex, jsonpath, range or probe, …}";
  const at = "17:18 steady-state-hypothesis.probes.0.tolerance";
  check(
    "tolerance: 200",
    "tolerance: 0.5",
    `${at}: a fraction is no tolerance: write {type: range, range: [0.5, 0.5]}.`,
  );
  check("tolerance: 200", "tolerance: null", `${at}: ${forms}.`);
  check(
    "tolerance: 200",
    "tolerance: {type: rang, range: [1, 2]}",
    `17:25 ${at.slice(6)}.type: unknown tolerance; ${forms}. Did you mean "range"?`,
  );
  check(
    "tolerance: 200",
    "tolerance: {type: range, range: [1]}",
    `17:39 ${at.slice(6)}.range: expected two numbers: [0, 0.5].`,
  );
  check(
    "tolerance: 200",
    "tolerance: {type: regex, pattern: '('}",
    `17:41 ${at.slice(6)}.pattern: the pattern is invalid: check its groups, ranges and quantifiers.`,
  );
  check(
    "tolerance: 200",
    "tolerance: {type: jsonpath, path: \"$['a']\"}",
    `17:41 ${at.slice(6)}.path: character 3: names and strings take double quotes.`,
  );
  check(
    "tolerance: 200",
    "tolerance: {type: probe, name: n, provider: {type: http, url: 'http://a'}}",
    `17:51 ${at.slice(6)}.provider: a probe as a tolerance needs "arguments: {}", for the value.`,
  );
});

test("what is read and not done is told", () => {
  expect(
    warningsOf(sampleWith("        timeout: 2\n", "        timeout: 2\n        expected_status: 200\n")),
  ).toEqual([
    "23:9 steady-state-hypothesis.probes.0.provider.expected_status: Chaos Toolkit ignores expected_status, and so do we: write a tolerance.",
  ]);
  expect(
    warningsOf(sampleWith("method:", "controls: [{name: c, provider: {type: python, module: m}}]\nmethod:")),
  ).toEqual(["27:1 controls: controls are Python and are not run."]);
  expect(
    warningsOf(sampleWith("headers: {Host: new-york.localhost}", "headers: {Host: '${hots}'}"))[0],
  ).toContain("nothing in configuration or secrets is called hots");
  expect(warningsOf(sampleWith("Content-Type: application/json, ", ""))[0]).toContain(
    "only our own engine can run this",
  );
});

test("YAML is read as PyYAML reads it", () => {
  const result = readExperiment(
    sampleWith("target: ny1-1", "target: ny1-1\n  on: yes\n  mode: 0o17\n  old: 017"),
    "yaml",
  );
  expect(result).toMatchObject({ ok: true });
  if (result.ok) expect(result.experiment.document["configuration"]).toMatchObject({ true: true, old: 15 });
});

test("bombs, rings, depths and sizes are refused with a place", () => {
  const bomb = `title: &a [x, x, x, x, x, x, x, x, x]\n${Array.from("bcdefghi")
    .map((name, index) => `${name}: &${name} [${Array(9).fill(`*${"abcdefghi"[index]}`).join(", ")}]`)
    .join("\n")}\n`;
  expect(problemsOf(readExperiment(bomb, "yaml"))).toEqual([
    "2:8 : its aliases multiply or contain each other: write the values out.",
  ]);
  expect(problemsOf(readExperiment("title: &a {x: *a}", "yaml"))).toHaveLength(1);
  for (const deep of [
    "[".repeat(50_000),
    "{a: ".repeat(20_000),
    "- ".repeat(20_000),
    `${"[".repeat(50_000)}${"]".repeat(50_000)}`,
  ]) {
    for (const format of ["yaml", "json"] as const) {
      const problems = problemsOf(readExperiment(deep, format));
      expect(problems.length).toBeGreaterThan(0);
      expect(problems.length).toBeLessThan(25);
    }
  }
  expect(problemsOf(readExperiment(`${"[".repeat(150)}${"]".repeat(150)}`, "json"))).toEqual([
    "1:101 : nested more than 100 levels deep.",
  ]);
  expect(problemsOf(readExperiment(" ".repeat(TEXT_LENGTH_MAX + 1), "yaml"))).toEqual([
    "1:1 : the file has 131073 characters; 131072 are read at most.",
  ]);
});

test("a large file of anything is told in time", () => {
  const lines = (count: number, line: (index: number) => string): string =>
    Array.from({ length: count }, (_, index) => line(index)).join("");
  const large = [
    lines(12_000, (index) => `k${index}: v\n`),
    SAMPLE + lines(9_000, (index) => `k${index}: v\n`),
    `- &a x\n${"- *a\n".repeat(20_000)}`,
    "a: 1\n".repeat(20_000),
    lines(8_000, (index) => `- &a${index} x\n`),
    sampleWith(
      "  probes:\n",
      `  probes:\n${lines(400, (index) => `    - {type: prob, nme: p${index}, provider: {type: htp}}\n`)}`,
    ),
    sampleWith("method:\n", `method:\n${lines(400, (index) => `  - {ref: p${index}}\n`)}`),
  ];
  for (const text of large) {
    const result = readExperiment(text, "yaml");
    const told = result.ok ? result.warnings : result.problems;
    expect(told.length).toBeGreaterThan(0);
    expect(told.length).toBeLessThanOrEqual(400);
  }
});

test("what JSON cannot hold, and what PyYAML refuses, is refused", () => {
  check(
    "title: New York falls, nobody notices",
    "title: a\ntitle: b",
    "2:1 : this key stands twice in its map: remove one.",
  );
  check(
    "target: ny1-1",
    "target: 2026-01-01",
    "8:11 configuration.target: JSON has no such value: quote it.",
  );
  check("target: ny1-1", "target: .nan", "8:11 configuration.target: JSON has no such value: quote it.");
  check("target: ny1-1", "__proto__: 1", "8:14 configuration.__proto__: JSON has no such value: quote it.");
  check(
    "target: ny1-1",
    "target: !!python/object/apply:os.system [ls]",
    "8:11 : a tag that PyYAML refuses: write a plain value.",
  );
  expect(problemsOf(readExperiment('{"title": "a",\n "description" "b"}', "json"))).toEqual([
    "2:16 : this is no JSON: name the file .yaml if it is YAML.",
  ]);
  expect(problemsOf(readExperiment("title: a", "json"))).toEqual([
    "1:1 : this is no JSON: name the file .yaml if it is YAML.",
  ]);
});

const SECRET = "hunter2-and-more";

test("no message and no shown line holds a secret, whatever is wrong", () => {
  const lines = [
    `    anycastle_token: ${SECRET}`,
    `    anycastle_token: [${SECRET}]`,
    `    anycastle_token: {type: ${SECRET}}`,
    `    anycastle_token: "${SECRET}`,
    `    anycastle_token: ${SECRET}: x`,
    `    anycastle_token: ${SECRET}\n    anycastle_token: ${SECRET}`,
    `    anycastle_token: &${SECRET} {a: *${SECRET}}`,
    `    anycastle_token: *${SECRET}`,
    `    anycastle_token: !${SECRET} x`,
    `    anycastle_token: ${SECRET}\n  - ${SECRET}`,
    `  token: ${SECRET}`,
  ];
  const own = "    anycastle_token: {type: env, key: ANYCASTLE_TOKEN}";
  for (const line of lines) {
    // And the same value where it is quoted by messages.
    const text = sampleWith(own, line)
      .replace("kind: node_crash", "kind: no")
      .replace("  - ref: gateway-answers", `  - ref: ${SECRET}`);
    const result = readExperiment(text, "yaml");
    if (result.ok) throw new Error(`read: ${line}`);
    expect(JSON.stringify(result.problems)).not.toContain(SECRET);
    const secretLine = text.split("\n").findIndex((one) => one.includes(SECRET)) + 1;
    const shown = result.problems.filter(
      (problem) => problem.line === secretLine && problem.isSecret !== true,
    );
    expect([line, shown]).toEqual([line, []]);
  }
});

test("secrets are texts, in scopes, from the file or the environment", () => {
  const own = "anycastle_token: {type: env, key: ANYCASTLE_TOKEN}";
  const wanted = "a secret is a text (quote it), or {type: env, key: NAME}";
  for (const wrong of ["12345", "true", "null", "[a]", "{a: b}", "{type: env}"]) {
    check(own, `anycastle_token: ${wrong}`, `11:22 secrets.anycastle.anycastle_token: ${wanted}.`);
  }
  check(
    own,
    "anycastle_token: {type: vault, path: a}",
    "11:22 secrets.anycastle.anycastle_token: secrets from Vault are not supported: put it into the environment and write {type: env, key: NAME}.",
  );
  check(
    `  anycastle:\n    ${own}`,
    "  anycastle_token: x",
    "10:20 secrets.anycastle_token: secrets stand in scopes: {scope: {name: {type: env, key: NAME}}}.",
  );
  expect(warningsOf(sampleWith(own, "anycastle_token: plain"))).toEqual([
    "11:5 secrets.anycastle.anycastle_token: this secret stands in the file: take it from the environment, {type: env, key: NAME}.",
  ]);
});

test("any text is read or refused with places within it, and leaks no secret", () => {
  const lines = SAMPLE.split("\n");
  const garbage = fc.oneof(
    fc.string({ unit: "binary", maxLength: 200 }),
    fc.string({ unit: fc.constantFrom(...Array.from("-:{}[]&*!|>'\"#% \n\tab01~?,")), maxLength: 300 }),
    fc
      .array(
        fc.tuple(
          fc.nat(lines.length - 1),
          fc.string({ unit: fc.constantFrom(...Array.from("-:{}[]&*!'\"# ab0~?,\n")), maxLength: 12 }),
        ),
        { minLength: 1, maxLength: 4 },
      )
      .map((edits) => {
        const text = [...lines];
        for (const [index, insert] of edits) {
          const line = text[index]!;
          const at = (insert.length * 7) % (line.length + 1);
          text[index] = `${line.slice(0, at)}${insert}${line.slice(at)}`;
        }
        return text.join("\n");
      }),
    fc.json({ maxDepth: 6 }),
  );
  fc.assert(
    fc.property(garbage, fc.constantFrom("yaml" as const, "json" as const), (text, format) => {
      const result = readExperiment(text, format);
      if (result.ok) return;
      expect(result.problems.length).toBeGreaterThan(0);
      const last = text.split("\n").length;
      for (const { line, column, message } of result.problems) {
        expect(line).toBeGreaterThan(0);
        expect(line).toBeLessThanOrEqual(last);
        expect(column).toBeGreaterThan(0);
        expect(message.length).toBeGreaterThan(0);
      }
    }),
    { numRuns: 1_500 },
  );
});

test("any document with a secret in it is refused or read without showing it", () => {
  const place = fc.constantFrom(
    "title",
    "tags",
    "configuration",
    "method",
    "rollbacks",
    "extensions",
    "controls",
    "runtime",
    "contributions",
  );
  fc.assert(
    fc.property(place, fc.jsonValue({ maxDepth: 4 }), fc.uuid(), (key, value, secret) => {
      const read = readExperiment(SAMPLE, "yaml");
      if (!read.ok) throw new Error("unread");
      const echo = JSON.parse(
        JSON.stringify(value)
          .replaceAll('"', `"${secret}`)
          .replaceAll(`"${secret}:`, '":')
          .replaceAll(`"${secret},`, '",')
          .replaceAll(`"${secret}]`, '"]')
          .replaceAll(`"${secret}}`, '"}')
          .replace(new RegExp(`"${secret}$`), '"'),
      ) as unknown;
      const document = { ...read.experiment.document, secrets: { s: { token: secret } }, [key]: echo };
      const result = readExperiment(JSON.stringify(document), "json");
      const said = result.ok ? result.warnings : result.problems;
      expect(JSON.stringify(said)).not.toContain(secret);
    }),
    { numRuns: 500 },
  );
});
