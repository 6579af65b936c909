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
  // AS 21 itself is a hop nearer than a router behind it: AS 30 is tied.
  writeFileSync(join(dir, "tied.yaml"), WORLD.replace("upstreams: [21]", "as: 21"));
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
  const { status, stdout } = await anycastle(dir, "sim", "what-if", "--world", "tied.yaml");
  expect(status).toBe(0);
  expect(stdout).toMatch(/^west +40\.0 to 60\.0 % \(60\.0\) +100\.0 % without east$/m);
  expect(stdout).toMatch(/^east +west +5 +3 +66\.7 % +certain$/m);
  // Of what east may have had, all goes to west; two thirds of it were certainly there.
  expect(stdout).toMatch(/^east +40\.0 to 60\.0 % \(40\.0\) +west 66\.7 to 100\.0 % +0\.0 %$/m);
  const json = await anycastle(dir, "sim", "what-if", "--world", "tied.yaml", "--json");
  expect(JSON.parse(json.stdout)).toMatchObject({
    question: "combinations",
    combinations: [
      { up: ["west"], loads: [pair(5, 5), pair(0, 0)] },
      { up: ["east"], loads: [pair(0, 0), pair(5, 5)] },
      {
        up: ["west", "east"],
        loads: [
          { ...pair(2, 3), chosen: 3 },
          { ...pair(2, 3), chosen: 2 },
        ],
      },
    ],
    overloads: [{ lost: ["east"], site: "west", load: pair(5, 5), capacity: 3, isCertain: true }],
    shifts: [
      { lost: "west", from: pair(2, 3), to: [{ site: "east", ...pair(2, 3) }], unreachable: pair(0, 0) },
      { lost: "east", from: pair(2, 3), to: [{ site: "west", ...pair(2, 3) }], unreachable: pair(0, 0) },
    ],
  });
});

function pair(certain: number, atMost: number): { certain: number; atMost: number } {
  return { certain, atMost };
}

test("a prepending sweep shows every site's share at each step", async () => {
  const args = ["sim", "what-if", "--world", "tied.yaml", "--prepend-sweep", "west=2"];
  const { status, stdout } = await anycastle(dir, ...args);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^ +0 +40\.0 to 60\.0 % \(60\.0\) +40\.0 to 60\.0 % \(40\.0\)$/m);
  expect(stdout).toMatch(/^ +2 +40\.0 % +60\.0 %$/m);
  const json = await anycastle(dir, ...args, "--json");
  expect(JSON.parse(json.stdout)).toMatchObject({
    question: "prepend-sweep",
    site: "west",
    steps: [{ prepends: 0 }, { prepends: 1 }, { prepends: 2, sites: [{ certain: 2 }, { certain: 3 }] }],
  });
});

const PLACED = `
graph: { file: small.txt }
sites:
  - { id: west, as: 11, coordinates: { latitude: 40.7, longitude: -74 } }
  - { id: east, as: 21, coordinates: { latitude: 52.4, longitude: 4.9 } }
  - { id: south, as: 20, communities: [no-peer], coordinates: { latitude: -33.9, longitude: 151.2 } }
`;

test("the best k of the sites: by worst-case load, and by time where places are known", async () => {
  writeFileSync(join(dir, "placed.yaml"), PLACED);
  writeFileSync(join(dir, "places.csv"), "asn,latitude,longitude\nAS30,51.5,-0.1\n# unknown\n99,1,1\n");
  const args = ["sim", "what-if", "--world", "placed.yaml", "--best", "2"];
  const without = await anycastle(dir, ...args);
  expect(without.stdout).toContain("All 3 choices were compared.");
  expect(without.stdout).toContain("By time: no AS with clients has a place.");
  const { status, stdout, stderr } = await anycastle(dir, ...args, "--places", "places.csv");
  expect(status).toBe(0);
  expect(stderr).toContain("places.csv: 1 of 2 lines name ASes that the graph does not have");
  expect(stdout).toContain("Times are those of 1 ASes that have a place (20.0 % of the weight)");
  const json = await anycastle(dir, ...args, "--places", "places.csv", "--json");
  const document = JSON.parse(json.stdout) as {
    method: string;
    byTime: { sites: string[]; rtt: { nearestMs: number; farthestMs: number } }[];
  };
  expect(document).toMatchObject({ method: "exact", placed: { ases: 1, weight: 1 } });
  // London by way of its two tied providers: New York or Amsterdam, unless only one of them is there.
  const [best] = document.byTime;
  expect(best!.sites).toContain("east");
  expect(best!.rtt.nearestMs).toBeLessThanOrEqual(best!.rtt.farthestMs);
});

test("hot potato: an AS with a place takes the nearer of two equally good sites; both readings are shown", async () => {
  writeFileSync(join(dir, "placed.yaml"), PLACED.replace(/^.*south.*$/m, ""));
  writeFileSync(join(dir, "london.csv"), "30,51.5,-0.1\n");
  const args = ["sim", "catchment", "--world", "placed.yaml", "--ties", "hot-potato"];
  const { status, stdout } = await anycastle(dir, ...args, "--places", "london.csv");
  expect(status).toBe(0);
  expect(stdout).toMatch(/^west +40\.0 % +60\.0 % +3 \(60\.0 %\) +2 \(40\.0 %\) +AS 11$/m);
  expect(stdout).toMatch(/^east +40\.0 % +60\.0 % +2 \(40\.0 %\) +3 \(60\.0 %\) +AS 21$/m);
  expect(stdout).toContain(
    "1 of 5 ASes (20.0 %) have a place; ties of all others go to the lowest AS number.",
  );
  const nobody = await anycastle(dir, ...args, "--json");
  expect(JSON.parse(nobody.stdout)).toMatchObject({
    tieRules: ["upstreams", "hot-potato", "lowest-asn"],
    placed: { ases: 0 },
    sites: [{ chosen: 3, chosenByLowestAsn: 3 }, { chosen: 2 }],
  });
});

test("clients from a file: lines of one AS add up, ASes that are not there are told", async () => {
  writeFileSync(join(dir, "clients.csv"), "asn,weight\nAS10,5\n\n# two lines\n30, 1.5\n30,0.5\r\n77,3\n");
  const args = ["sim", "catchment", "--world", "world.yaml", "--weight-file", "clients.csv"];
  const { status, stdout, stderr } = await anycastle(dir, ...args);
  expect(status).toBe(0);
  expect(stderr).toContain(
    "clients.csv: 1 of 4 lines (30.0 % of the weight) name ASes that the graph does not have: AS 77",
  );
  expect(stdout).toContain("an AS counts for its clients in clients.csv");
  expect(stdout).toMatch(/^west +100\.0 % +100\.0 % +7 /m);
  // A world may name the file itself.
  writeFileSync(join(dir, "with-clients.yaml"), `${WORLD}clients: clients.csv\n`);
  const named = await anycastle(dir, "sim", "what-if", "--world", "with-clients.yaml", "--json");
  expect(JSON.parse(named.stdout)).toMatchObject({ total: 7, weight: { name: "file", unknownLines: 1 } });
});

test("communities of a site: what BLACKHOLE drops is told beside the table", async () => {
  writeFileSync(
    join(dir, "hole.yaml"),
    "graph: { file: small.txt }\nsites:\n  - { id: west, as: 11, communities: [blackhole] }\n  - { id: east, as: 21 }\n",
  );
  const { stdout } = await anycastle(dir, "sim", "catchment", "--world", "hole.yaml");
  expect(stdout).toMatch(/^west +40\.0 % +40\.0 % .*AS 11, BLACKHOLE$/m);
  expect(stdout).toContain("Dropped by neighbours that heard BLACKHOLE: 20.0 %.");
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
    schema: "anycastle.sim-withdraw/v2",
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
const FILES: Readonly<Record<string, string>> = {
  "words.csv": "asn,weight\n10,5\n11,many\n",
  "columns.csv": "10,5\n11\n",
  "name.csv": "10,5\nten,5\n",
  "empty.csv": "",
  "elsewhere.csv": "99,5\n",
  "endless.csv": "1".repeat(100_000),
  "binary.csv": "\u0000\u001b[2J\u0002\n",
  "negative.csv": "10,-5\n",
  "twice.csv": "10,1,1\n10,2,2\n",
};

beforeAll(() => {
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(dir, name), text);
});

const WEIGHED = ["catchment", "--graph", "small.txt", ...SITES, "--weight-file"];
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
    name: "too many prepends",
    args: ["catchment", "--graph", "small.txt", ...SITES, "--prepend", "west=51"],
    says: "name=a count, such as ny1=3, from 1 to 50",
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
    name: "a weight that is no number",
    args: [...WEIGHED, "words.csv"],
    says: 'words.csv:3: weight "many" is not a number from 0',
  },
  { name: "a weight below zero", args: [...WEIGHED, "negative.csv"], says: 'negative.csv:1: weight "-5"' },
  {
    name: "a column too few",
    args: [...WEIGHED, "columns.csv"],
    says: 'columns.csv:2: "11" is not AS,weight',
  },
  {
    name: "a name in place of an AS",
    args: [...WEIGHED, "name.csv"],
    says: 'name.csv:2: "ten" is no AS number',
  },
  { name: "no clients", args: [...WEIGHED, "empty.csv"], says: "empty.csv has no line with clients" },
  {
    name: "clients of another Internet",
    args: [...WEIGHED, "elsewhere.csv"],
    says: "elsewhere.csv weighs nothing in small.txt",
  },
  {
    name: "a line without end",
    args: [...WEIGHED, "endless.csv"],
    says: "endless.csv:1: the line is longer",
  },
  { name: "clients in binary", args: [...WEIGHED, "binary.csv"], says: 'binary.csv:1: "??[2J?" is not' },
  { name: "no file of clients", args: [...WEIGHED, "none.csv"], says: "none.csv cannot be read: ENOENT" },
  {
    name: "two weights",
    args: [...WEIGHED, "words.csv", "--weight", "cone"],
    says: "--weight and --weight-file are both given",
  },
  {
    name: "places for sites that are nowhere",
    args: ["catchment", "--graph", "small.txt", ...SITES, "--ties", "hot-potato", "--places", "twice.csv"],
    says: "site west has no coordinates",
  },
  {
    name: "two places for one AS",
    args: ["what-if", "--graph", "small.txt", "--site", "ny1=11", "--best", "1", "--places", "twice.csv"],
    says: "twice.csv:2: AS 10 has a place already",
  },
  {
    name: "two questions",
    args: ["what-if", "--world", "world.yaml", "--best", "1", "--prepend-sweep", "west"],
    says: "--prepend-sweep and --best are two questions",
  },
  {
    name: "more of the best than there are",
    args: ["what-if", "--world", "world.yaml", "--best", "3"],
    says: "the best 3 of 2 sites cannot be chosen",
  },
  {
    name: "a sweep of nobody",
    args: ["what-if", "--world", "world.yaml", "--prepend-sweep", "wset"],
    says: 'there is no site "wset"',
  },
  {
    name: "a sweep that is no count",
    args: ["what-if", "--world", "world.yaml", "--prepend-sweep", "west=x"],
    says: "such as ny1=8",
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
