/** The questions of `anycastle sim` to an Internet at rest, as a person asks them. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { anycastle, scratch } from "./run-cli.ts";

const { dir, remove } = scratch();
afterAll(remove);

const SMALL = "# two tops\n10|20|0\n10|11|-1\n20|21|-1\n10|30|-1\n20|30|-1\n";
const WORLD = `
graph: { file: small.txt }
sites:
  - id: west
    as: 11
    capacity: 3
  - id: east
    upstreams: [21]
`;

beforeAll(() => {
  writeFileSync(join(dir, "small.txt"), SMALL);
  writeFileSync(join(dir, "world.yaml"), WORLD);
});

test("a catchment says what is certain, what hangs on ties, and what the model does not know", async () => {
  const args = ["sim", "catchment", "--graph", "small.txt", "--site", "west=11", "--site", "east=21"];
  const { status, stdout } = await anycastle(dir, ...args);
  expect(status).toBe(0);
  expect(stdout).toContain("small.txt: 5 ASes, 5 links; every AS counts one");
  expect(stdout).toMatch(/^west +40\.0 % +60\.0 % +3 \(60\.0 %\) +AS 11$/m);
  expect(stdout).toMatch(/^east +40\.0 % +60\.0 % +2 \(40\.0 %\) +AS 21$/m);
  expect(stdout).toContain("14 to 35 % of real routing decisions");
  const json = await anycastle(dir, ...args, "--json");
  expect(JSON.parse(json.stdout)).toMatchObject({
    schema: "anycastle.sim-catchment/v1",
    graph: { ases: 5, links: 5 },
    total: 5,
    ambiguous: 1,
    sites: [
      { site: "west", certain: 2, ambiguous: 1 },
      { site: "east", certain: 2, ambiguous: 1 },
    ],
  });
});

test("a prepend moves who was tied", async () => {
  const flags = ["--graph", "small.txt", "--site", "west=11", "--site", "east=21", "--prepend", "west=2"];
  const { stdout } = await anycastle(dir, "sim", "catchment", ...flags);
  expect(stdout).toMatch(/^west +40\.0 % +40\.0 % .*\+2 prepended$/m);
  expect(stdout).toMatch(/^east +60\.0 % +60\.0 % /m);
});

test("what-if tells the worst loss of each site, and what its capacity would not hold", async () => {
  const { status, stdout } = await anycastle(dir, "sim", "what-if", "--world", "world.yaml");
  expect(status).toBe(0);
  expect(stdout).toMatch(/^west +60\.0 % +100\.0 % without east$/m);
  expect(stdout).toMatch(/^east +west +5 +3 +66\.7 %$/m);
  const json = await anycastle(dir, "sim", "what-if", "--world", "world.yaml", "--json");
  expect(JSON.parse(json.stdout)).toMatchObject({
    combinations: [
      { up: ["west"], loads: [5, 0] },
      { up: ["east"], loads: [0, 5] },
      { up: ["west", "east"], loads: [3, 2] },
    ],
    overloads: [{ lost: ["east"], site: "west", load: 5, capacity: 3 }],
  });
});

test("a path names each offer and the rule by which it lost", async () => {
  const args = [
    "sim",
    "path",
    "--graph",
    "small.txt",
    "--site",
    "west=11",
    "--site",
    "east=21",
    "--from",
    "30",
  ];
  const { status, stdout } = await anycastle(dir, ...args);
  expect(status).toBe(0);
  expect(stdout).toContain("AS 30 reaches west: 30 10 11");
  expect(stdout).toContain("Equally good paths lead to west, east");
  expect(stdout).toMatch(/^AS 20 +provider +2 +east +tied$/m);
});

test("a withdrawal is told moment by moment, and its figures follow from the seed", async () => {
  const args = [
    "sim",
    "withdraw",
    "--world",
    "world.yaml",
    "--lose",
    "east",
    "--timing",
    "no-mrai",
    "--seeds",
    "2",
  ];
  const { status, stdout } = await anycastle(dir, ...args, "--detection", "300ms");
  expect(status).toBe(0);
  expect(stdout).toContain("It served 2 of 5 ASes.");
  expect(stdout).toMatch(/^ +0 s +0\.0 % +100\.0 % +0\.0 % +0\.0 %$/m);
  expect(stdout).toMatch(/^100 % +0\.[34]/m);
  const [one, again] = await Promise.all([
    anycastle(dir, ...args, "--json"),
    anycastle(dir, ...args, "--json"),
  ]);
  expect(one.stdout).toBe(again.stdout);
  expect(JSON.parse(one.stdout)).toMatchObject({
    schema: "anycastle.sim-withdraw/v1",
    runs: [{ affectedAses: 2 }, { affectedAses: 2 }],
  });
});

test("a generated Internet is the same for the same seed", async () => {
  const args = [
    "sim",
    "catchment",
    "--generate",
    "500",
    "--site",
    "a=17",
    "--site",
    "b=400",
    "--json",
    "--seed",
  ];
  const [one, again, other] = await Promise.all([
    anycastle(dir, ...args, "3"),
    anycastle(dir, ...args, "3"),
    anycastle(dir, ...args, "4"),
  ]);
  expect(one.stdout).toBe(again.stdout);
  expect(one.stdout).not.toBe(other.stdout);
});

const SITES = ["--site", "west=11"];
const WRONG: readonly { readonly name: string; readonly args: readonly string[]; readonly says: string }[] = [
  { name: "no Internet", args: ["catchment", ...SITES], says: "an Internet is asked for" },
  {
    name: "two Internets",
    args: ["catchment", "--graph", "small.txt", "--generate", "200", ...SITES],
    says: "an Internet is asked for",
  },
  { name: "no site", args: ["catchment", "--graph", "small.txt"], says: "no site announces anything" },
  {
    name: "a site that is no AS",
    args: ["catchment", "--graph", "small.txt", "--site", "west"],
    says: "such as ny1=13335",
  },
  {
    name: "an AS that is not there",
    args: ["what-if", "--graph", "small.txt", "--site", "west=99"],
    says: "site west: the graph has no AS 99",
  },
  {
    name: "the same site twice",
    args: ["catchment", "--graph", "small.txt", ...SITES, "--site", "west=21"],
    says: "two sites have the same id",
  },
  {
    name: "a prepend of nobody",
    args: ["catchment", "--graph", "small.txt", ...SITES, "--prepend", "wset=1"],
    says: 'there is no site "wset"',
  },
  {
    name: "file and flags",
    args: ["catchment", "--world", "world.yaml", ...SITES],
    says: "--world and --site are both given",
  },
  {
    name: "no such file",
    args: ["catchment", "--graph", "none.gz", ...SITES],
    says: "none.gz cannot be read: ENOENT",
  },
  {
    name: "a file of something else",
    args: ["catchment", "--graph", "world.yaml", ...SITES],
    says: 'world.yaml:2: "graph: { file: small.txt }" is not a|b|relation',
  },
  {
    name: "an AS that asks and is not there",
    args: ["path", "--graph", "small.txt", ...SITES, "--from", "77"],
    says: "AS 77 is not in the graph",
  },
];

test.concurrent.for(WRONG)(
  "$name: a clear sentence and status 2",
  async ({ args, says }, { expect: check }) => {
    const { status, stdout, stderr } = await anycastle(dir, "sim", ...args);
    check(stderr).toContain(says);
    check(status).toBe(2);
    check(stdout).toBe("");
  },
);

test("a wrong world file is told with line, column and what was probably meant", async () => {
  writeFileSync(
    join(dir, "wrong.yaml"),
    "graph: { file: small.txt }\nsites:\n  - id: west\n    upstrems: [11]\n",
  );
  const { status, stderr } = await anycastle(dir, "sim", "catchment", "--world", "wrong.yaml");
  expect(status).toBe(2);
  expect(stderr).toContain(
    'wrong.yaml:4:5  sites.0.upstrems: unknown key "upstrems". Did you mean "upstreams"?',
  );
});
