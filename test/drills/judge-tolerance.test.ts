import { expect, test } from "vitest";
import { JsonPathError, parseJsonPath } from "#drills/experiment/json-path.ts";
import { judgeTolerance, judgeValue, type Verdict } from "#drills/experiment/judge-tolerance.ts";
import type { Json } from "#drills/experiment/json.ts";
import { pythonRegex, RegexError } from "#drills/experiment/python-regex.ts";
import { readTolerance } from "#drills/experiment/read-tolerance.ts";
import type { Issue } from "#drills/experiment/issue.ts";
import type { Tolerance } from "#drills/experiment/tolerance.ts";
import { REFUSED_PATHS, REFUSED_PATTERNS, TOLERANCES } from "./tolerances.ts";

function read(written: Json): Exclude<Tolerance, { type: "probe" }> {
  const issues: Issue[] = [];
  const tolerance = readTolerance(written, [], {
    constants: () => undefined,
    ttlMs: undefined,
    issues,
    warnings: [],
  });
  if (tolerance === undefined || tolerance.type === "probe") throw new Error(JSON.stringify(issues));
  return tolerance;
}

function check(written: Json, value: Json, is: Verdict["is"]): void {
  const label = `${JSON.stringify(written)} on ${JSON.stringify(value)}`;
  expect([label, judgeValue(read(written), value).is]).toEqual([label, is]);
}

test("each tolerance of the table is judged as the table says", () => {
  for (const [written, value, is] of TOLERANCES) check(written, value, is);
});

test("what Chaos Toolkit refuses is refused", () => {
  for (const text of REFUSED_PATHS) expect(() => parseJsonPath(text)).toThrow(JsonPathError);
  for (const pattern of REFUSED_PATTERNS) expect(() => pythonRegex(pattern)).toThrow(RegexError);
});

test("what Python has and we have not is refused by name", () => {
  const refused: [string, string][] = [
    ["a++", "a possessive quantifier"],
    ["(a)?\\1b", "a backreference"],
    ["(?<=a+)b", "a look-behind of no fixed width"],
    ["(?<!(?:a|b))c", "an alternative within a look-behind"],
    ["(?P<x>a)(?P=x)", "a backreference"],
    ["(?>a)", "an atomic group"],
    ["(a)?(?(1)b|c)", "a conditional group"],
    ["(?x) a", 'the flag "x" is not supported'],
    ["[\\W]", '"\\W" within a set'],
    ["a".repeat(2_001), "at most 2000 characters"],
  ];
  for (const [pattern, why] of refused) expect(() => pythonRegex(pattern)).toThrow(why);
});

test("a pattern that backtracks for ever is stopped, and so is a path that visits everything", () => {
  expect(judgeValue(read({ type: "regex", pattern: "(a+)+$" }), `${"a".repeat(60)}b`).is).toBe("unusable");
  let deep: Json = [];
  for (let level = 0; level < 60; level++) deep = [deep, deep.length];
  expect(judgeValue(read({ type: "jsonpath", path: "$..*..*..*..*" }), deep).is).toBe("unusable");
  expect(() => parseJsonPath(`$${"[?(@".repeat(300)}`)).toThrow("nested");
  expect(() => parseJsonPath(`$[?(@.a = ${"[".repeat(900)}`)).toThrow("nested");
  const wide = Array.from({ length: 100_000 }, (_, index) => index);
  expect(judgeValue(read({ type: "jsonpath", path: "$[0:9007199254740991:3]" }), wide).is).toBe("met");
});

test("templates are put in: a text may become a status, an expectation a list", () => {
  const lookup = (name: string): Json | undefined => ({ status: 200, word: "x", all: [1, 2, 3] })[name];
  const judged = (written: Json, value: Json): string => judgeValue(read(written), value, lookup).is;
  expect(judged("${status}", { status: 200 })).toBe("met");
  expect(judged("${word}", "x")).toBe("met");
  expect(judged({ type: "regex", pattern: "^${word}$" }, "x")).toBe("met");
  expect(judged({ type: "jsonpath", path: "$.${word}" }, { x: 0 })).toBe("met");
  expect(judged({ type: "jsonpath", path: "$[*]", expect: "${all}" }, [1, 2, 3])).toBe("met");
});

test("a probe as a tolerance says yes, no, or fails", async () => {
  const probe: Tolerance = {
    type: "probe",
    name: "p",
    call: { type: "process", path: "test", arguments: [], timeoutMs: null },
  };
  const judged = async (answer: () => Promise<Json>): Promise<string> =>
    (await judgeTolerance(probe, 1, { lookup: () => undefined, ask: answer })).is;
  expect(await judged(async () => ({ status: 1 }))).toBe("met");
  expect(await judged(async () => 0)).toBe("missed");
  expect(await judged(async () => [])).toBe("missed");
  expect(await judged(async () => Promise.reject(new Error("no")))).toBe("missed");
});
