import { readFileSync, writeFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { TextProblem } from "#core/checked-text/read-text.ts";
import { loadConfig } from "../../cli/config-file/load.ts";
import { gatewayJsonSchema } from "../../cli/config-file/gateway-json-schema.ts";
import { showProblems } from "../../cli/config-file/show-problems.ts";
import { starterConfig } from "../../cli/config-file/starter.ts";
import { anycastle, scratch } from "./run-cli.ts";

const { dir, remove } = scratch();
afterAll(remove);

const plain = (_style: unknown, text: string): string => text;

const GOOD = `sites:
  - id: fra
    nodes:
      - { id: fra-1, url: "http://127.0.0.1:9001" }
      - { id: fra-2, url: "http://127.0.0.1:9002" }
`;

function problemsOf(text: string): readonly TextProblem[] {
  const result = loadConfig(text);
  return result.ok ? [] : result.problems;
}

/** One line a problem: `line:column path: message [-> suggestion]`. */
function check(text: string, ...expected: readonly string[]): void {
  const told = problemsOf(text).map(
    ({ line, column, path, message, didYouMean }) =>
      `${line}:${column} ${path}: ${message}${didYouMean === undefined ? "" : ` -> ${didYouMean}`}`,
  );
  expect(told).toEqual(expected);
}

test("a good file has no problem", () => check(GOOD));

test("all errors come at once, in the order of the file, each at its place", () => {
  check(
    `listen: 127.0.0.1
routing:
  mode: nearst
sites:
  - id: fra
    nodes:
      - id: fra-1
        url: http://127.0.0.1:9001
        weigth: 5
healht: {}
`,
    "1:9 listen: must be host:port",
    '3:9 routing.mode: Invalid option: expected one of "nearest"|"anycast"|"anycast-only" -> nearest',
    '9:9 sites.0.nodes.0.weigth: unknown key "weigth" -> weight',
    '10:1 healht: unknown key "healht" -> health',
  );
});

test("a text that would overflow, go round or multiply is refused with its place", () => {
  const deep = problemsOf(`sites: ${"[".repeat(50_000)}`);
  expect(deep.map(({ message }) => message)).toEqual(["nested more than 100 levels deep"]);
  check(`${"[".repeat(120)}${"]".repeat(120)}`, "1:101 : nested more than 100 levels deep");
  check("a: &x\n  b: *x\n", "2:6 : its aliases multiply or contain each other: write the values out");
  check("a: *x\n", "1:4 : this alias has no anchor above it");
  check("a: 1\nb: 2\na: 3\n", "3:1 : Map keys must be unique");
  expect(
    problemsOf(Array.from({ length: 20_000 }, (_, index) => `k${index}: 1\n`).join("")).length,
  ).toBeLessThan(210);
});

test("a missing key is told where its owner stands", () => {
  check(
    'sites:\n  - id: fra\n    nodes:\n      - { url: "http://127.0.0.1:1" }\n',
    '4:9 sites.0.nodes.0.id: "id" is missing',
  );
});

test("a slip in a key that is needed is one problem, not two", () => {
  check(
    'sites:\n  - idd: fra\n    nodes: [{ id: a, url: "http://127.0.0.1:1" }]\n',
    '2:5 sites.0.idd: unknown key "idd" -> id',
  );
});

test("inside a choice of shapes the nearest shape is judged", () => {
  check(
    `${GOOD}catchment:\n  feeed: http://127.0.0.1:1\n`,
    '7:3 catchment.feeed: unknown key "feeed" -> feed',
  );
  check(`${GOOD}admin: offf\n`, '6:8 admin: must be host:port or "off" -> off');
});

test("what does not fit together is told beside what the schema refuses, in the order of the file", () => {
  check(
    `${GOOD}  - id: fra\n    nodes: [{ id: fra-3, url: "http://127.0.0.1:9002" }]\nhealht: {}\nlisten: 127.0.0.1:70000\n`,
    '6:9 sites.1.id: site "fra" stands here twice',
    '7:31 sites.1.nodes.0.url: url "http://127.0.0.1:9002" stands here twice',
    '8:1 healht: unknown key "healht" -> health',
    "9:9 listen: port 70000 is not in 0..65535",
  );
});

test("checks across fields point at the second of two", () => {
  check(
    `${GOOD}  - id: fra\n    nodes: [{ id: fra-3, url: "http://127.0.0.1:9003" }]\n`,
    '6:9 sites.1.id: site "fra" stands here twice',
  );
});

test("broken YAML has its place, and nothing else is judged", () => {
  const problems = problemsOf("sites:\n  - id: fra\n   nodes: [\n");
  expect(problems.length).toBeGreaterThan(0);
  expect(problems[0]).toMatchObject({ line: 3, column: 1 });
});

test("a key that stands twice is an error", () => {
  expect(problemsOf(`${GOOD}listen: 127.0.0.1:1\nlisten: 127.0.0.1:2\n`)[0]).toMatchObject({
    line: 7,
    column: 1,
  });
});

test("an empty file, a list and a word are no configuration", () => {
  check("", "1:1 : the file is empty");
  check("# nothing\n", "1:1 : the file is empty");
  expect(problemsOf("- a\n")).toHaveLength(1);
  expect(problemsOf("word\n")).toHaveLength(1);
});

test("aliases that multiply themselves are refused, not expanded", () => {
  const bomb = `a: &a [x, x, x, x, x, x, x, x, x]
b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]
c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]
d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]
`;
  expect(problemsOf(bomb)).toHaveLength(1);
  expect(problemsOf(bomb)[0]!.message).toContain("alias");
});

test("the caret stands under the place, behind tabs and in long lines too", () => {
  const text = `sites: [{ id: fra, nodes: [{ id: fra-1, url: "http://127.0.0.1:9001" }, { id: fra-2, url: "http://127.0.0.1:9002", ${" ".repeat(60)}weigth: 1 }] }]\n`;
  const shown = showProblems({ name: "x.yaml", text }, problemsOf(text), plain);
  const [head, source, caret] = shown.split("\n");
  expect(head).toContain("x.yaml:1:");
  expect(source!.length).toBeLessThanOrEqual(110);
  expect(source!.slice(caret!.indexOf("^"))).toMatch(/^weigth/);
});

test("the starter file is valid, and begins with its schema", () => {
  const text = starterConfig("./anycastle.schema.json");
  check(text);
  expect(text.split("\n")[0]).toBe("# yaml-language-server: $schema=./anycastle.schema.json");
});

test("the published schema is that of the code (`anycastle config schema > schema/anycastle.schema.json`)", () => {
  const file = join(dirname(dirname(import.meta.dirname)), "schema", "anycastle.schema.json");
  expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(JSON.parse(JSON.stringify(gatewayJsonSchema())));
});

test("`config init` writes a file that validates, and never over another", async () => {
  const first = await anycastle(dir, "config", "init");
  expect(first.status).toBe(0);
  writeFileSync(join(dir, "anycastle.yaml"), `# mine\n${readFileSync(join(dir, "anycastle.yaml"), "utf8")}`);
  const second = await anycastle(dir, "config", "init");
  expect(second.status).toBe(2);
  expect(second.stderr).toContain("anycastle.yaml exists already and is left as it is");
  expect(readFileSync(join(dir, "anycastle.yaml"), "utf8")).toMatch(/^# mine\n/);
});

test("the file is found from a directory below, and said to be the one", async () => {
  const below = join(dir, "a", "b");
  mkdirSync(below, { recursive: true });
  const { status, stdout } = await anycastle(below, "config", "validate");
  expect(status).toBe(0);
  expect(stdout).toContain("../../anycastle.yaml is valid: sites 2, nodes 4");
});

test("`config validate --json` gives the same list as a document, status 2", async () => {
  writeFileSync(join(dir, "bad.yaml"), `${GOOD}healht: {}\n`);
  const { status, stdout, stderr } = await anycastle(dir, "config", "validate", "-c", "bad.yaml", "--json");
  expect(status).toBe(2);
  expect(JSON.parse(stdout)).toMatchObject({
    schema: "anycastle.config-problems/v1",
    isValid: false,
    problems: [{ line: 6, column: 1, path: "healht", didYouMean: "health" }],
  });
  expect(stderr).toContain('bad.yaml:6:1  healht: unknown key "healht". Did you mean "health"?');
  expect(stderr).toContain("    6 | healht: {}\n      | ^");
});

test("`config print --sources` says where each value comes from, and prints a file that is valid again", async () => {
  writeFileSync(join(dir, "p.yaml"), `${GOOD}health:\n  profile: seed-004\n  timeoutMs: 900\n`);
  const { status, stdout } = await anycastle(dir, "config", "print", "-c", "p.yaml", "--sources");
  expect(status).toBe(0);
  expect(stdout).toContain("  profile: seed-004 # p.yaml:7\n");
  expect(stdout).toContain("  timeoutMs: 900 # p.yaml:8\n");
  expect(stdout).toContain("  intervalMs: 10000 # profile seed-004\n");
  expect(stdout).toContain("listen: 127.0.0.1:8080 # default\n");
  check(stdout);
});

test("no file anywhere is status 2 and says what to type", async () => {
  const elsewhere = scratch();
  try {
    const { status, stderr } = await anycastle(elsewhere.dir, "gateway");
    expect(status).toBe(2);
    expect(stderr).toContain("there is no anycastle.yaml here, above, or in");
    expect(stderr).toContain("`anycastle config init` writes one to start from");
  } finally {
    elsewhere.remove();
  }
});

test("a file that is no text at all: its first problems, on lines that no terminal obeys, and how many more", () => {
  const text = Array.from({ length: 50 }, (_, index) => `\u001b[31mkey${index}: \u0007{`).join("\n");
  const problems = Array.from({ length: 30 }, (_, index) => ({
    line: index + 1,
    column: 3,
    path: "",
    message: "wrong: \u009b2J",
  }));
  const shown = showProblems({ name: "x.yaml", text }, problems, plain).split("\n");
  expect(shown.filter((line) => /\p{Cc}/u.test(line))).toEqual([]);
  expect(shown.slice(0, 3)).toEqual(["x.yaml:1:3  wrong: ?2J.", "    1 | ?[31mkey0: ?{", "      |   ^"]);
  expect(shown.at(-1)).toBe("x.yaml: and 10 more");
});
