/** `anycastle sim replay` as a person types it: tables, rows for programs, a collector's file, damaged files. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bgpdump, whyNoBgpdump } from "../bgp/bgpdump.ts";
import { parseMrt } from "../bgp/mrt-parser.ts";
import { recordLoss } from "../sim/recording/record-file.ts";
import { anycastle, LongRun, scratch } from "./run-cli.ts";

const { dir, remove } = scratch();
afterAll(remove);

/** 11 below 10, 21 below 20, 30 below both; 10 and 20 are peers. */
const SMALL = "10|20|0\n10|11|-1\n20|21|-1\n10|30|-1\n20|30|-1\n";

beforeAll(async () => {
  mkdirSync(join(dir, "graphs"));
  writeFileSync(join(dir, "graphs", "small.txt"), SMALL);
  await recordLoss({
    document: {
      graph: { file: "graphs/small.txt" },
      sites: [
        { id: "west", as: 11 },
        { id: "east", upstreams: [21] },
      ],
      vantages: [{ id: "lima", as: 30, coordinates: { latitude: -12, longitude: -77 } }],
    },
    folder: dir,
    timing: "no-mrai",
    file: join(dir, "lost.ndjson"),
  });
});

test("what happened, and how many went where at each moment", async () => {
  const { status, stdout } = await anycastle(dir, "sim", "replay", "lost.ndjson");
  expect(status).toBe(0);
  expect(stdout).toMatch(/^west is lost; graphs\/small\.txt: 5 ASes; timers no-mrai, seed 1, run 0$/m);
  expect(stdout).toMatch(/^ +0 s +west fails$/m);
  expect(stdout).toMatch(/^ +0\.9 s +west withdraws$/m);
  expect(stdout).toMatch(/^ *[\d.]+ s +lima: west -> east$/m);
  expect(stdout).toMatch(/^ *AFTER +west +east +NO ROUTE +ARRIVE/m);
  expect(stdout).toMatch(/^ +0 s +3 +2 +0 +0\.0 % +100\.0 %/m);
  expect(stdout).toMatch(/^ *[\d.]+ s +0 +5 +0 +100\.0 % +0\.0 %/m);
  expect(stdout).toContain("14 to 35 % of real routing decisions");
});

test("the state at a moment, before and after", async () => {
  const before = await anycastle(dir, "sim", "replay", "lost.ndjson", "--at", "500ms");
  expect(before.stdout).toMatch(/^west +announced, dead +3 +60\.0 % +3$/m);
  const after = await anycastle(dir, "sim", "replay", "lost.ndjson", "--at", "30s", "--json");
  expect(JSON.parse(after.stdout)).toMatchObject({
    schema: "anycastle.sim-replay/v1",
    sites: [{ site: "west" }, { site: "east" }],
    state: {
      atUs: 30_000_000,
      sites: [
        { isAnnounced: false, isServing: false, routes: 0 },
        { isAnnounced: true, routes: 5 },
      ],
      vantages: ["east"],
      fates: { right: 2, wrong: 0, lost: 0, looping: 0 },
    },
  });
});

test("what one AS heard and chose", async () => {
  const { stdout } = await anycastle(dir, "sim", "replay", "lost.ndjson", "--as", "30");
  expect(stdout).toContain("AS 30 at 0 s: reaches west: 10 11");
  expect(stdout).toMatch(/best +20 +east +20 21 64500$/m);
  const later = await anycastle(dir, "sim", "replay", "lost.ndjson", "--as", "30", "--from", "20s");
  expect(later.stdout).toContain("AS 30 at 20 s: reaches east: 20 21 64500");
  expect(later.stdout).toContain("It heard nothing and changed nothing.");
});

test("rows for programs: CSV and NDJSON say the same, and a range cuts both alike", async () => {
  const [csv, ndjson, early] = await Promise.all([
    anycastle(dir, "sim", "replay", "lost.ndjson", "--csv"),
    anycastle(dir, "sim", "replay", "lost.ndjson", "--ndjson"),
    anycastle(dir, "sim", "replay", "lost.ndjson", "--csv", "--to", "900ms"),
  ]);
  const [head, ...lines] = csv.stdout.trim().split("\n");
  expect(head).toBe("at_us,event,as,neighbor,site,path");
  const rows = ndjson.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown> & { path: number[] });
  expect(lines).toEqual(
    rows.map(({ atUs, event, as, neighbor, site, path }) =>
      [atUs, event, as, neighbor ?? "", site ?? "", path.join(" ")].join(","),
    ),
  );
  expect(lines[0]).toBe("900000,none,11,,,");
  expect(early.stdout.trim().split("\n")).toEqual([head, lines[0]]);
});

test("a collector's file: the peers' table, then what they told, read by an independent parser", async () => {
  const args = ["--mrt", "updates.mrt", "--peers", "10,30", "--prefix", "198.51.100.0/24"];
  const { status, stdout } = await anycastle(dir, "sim", "replay", "lost.ndjson", ...args);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^updates\.mrt: the table of 2 peers with 2 routes, and \d updates after it$/m);
  const records = parseMrt(readFileSync(join(dir, "updates.mrt")));
  expect(records.slice(0, 2)).toMatchObject([
    { kind: "peers", peers: [{ as: 10 }, { as: 30 }] },
    {
      kind: "table",
      prefix: "198.51.100.0/24",
      routes: [
        { peer: 0, asPath: [10, 11] },
        { peer: 1, asPath: [30, 10, 11] },
      ],
    },
  ]);
  const csv = await anycastle(dir, "sim", "replay", "lost.ndjson", "--csv", "--as", "30");
  const told = records.flatMap((record) =>
    record.kind === "update" && record.peer.as === 30
      ? [`${record.atUs},${record.attributes?.asPath.slice(1).join(" ") ?? ""}`]
      : [],
  );
  const chosen = csv.stdout
    .split("\n")
    .filter((line) => /,(?:best|none),/.test(line))
    .map((line) => `${line.split(",")[0]},${line.split(",").at(-1)}`);
  expect(told.length).toBeGreaterThan(0);
  expect(told).toEqual(chosen);
});

test("and by bgpdump", async (context) => {
  const missing = whyNoBgpdump();
  if (missing !== undefined) return context.skip(missing);
  await anycastle(dir, "sim", "replay", "lost.ndjson", "--mrt", "dumped.mrt", "--peers", "10,30");
  const lines = bgpdump(join(dir, "dumped.mrt"));
  expect(lines.slice(0, 2)).toEqual([
    "TABLE_DUMP2|0|B|198.18.0.1|10|203.0.113.0/24|10 11|IGP|198.18.0.1|0|0||NAG||",
    "TABLE_DUMP2|0|B|198.18.0.2|30|203.0.113.0/24|30 10 11|IGP|198.18.0.2|0|0||NAG||",
  ]);
  expect(lines.at(-1)).toMatch(
    /^BGP4MP_ET\|[01]\.\d{6}\|A\|198\.18\.0\.[12]\|(?:30|10)\|203\.0\.113\.0\/24\|(?:30|10) 20 21 64500\|IGP/,
  );
  return undefined;
});

test("a recording and its graph move together; a graph that moved alone is named", async () => {
  mkdirSync(join(dir, "elsewhere"));
  copyFileSync(join(dir, "lost.ndjson"), join(dir, "elsewhere", "lost.ndjson"));
  const lost = await anycastle(dir, "sim", "replay", "elsewhere/lost.ndjson");
  expect(lost.status).toBe(2);
  const found = await anycastle(dir, "sim", "replay", "elsewhere/lost.ndjson", "--graph", "graphs/small.txt");
  expect(found.status).toBe(0);
  writeFileSync(join(dir, "other.txt"), `${SMALL}20|11|-1\n`);
  const other = await anycastle(dir, "sim", "replay", "lost.ndjson", "--graph", "other.txt");
  expect(other.status).toBe(2);
  expect(other.stderr).toMatch(
    /lost\.ndjson line 1: it was played on another graph than graphs\/small\.txt is now/,
  );
});

test("the page is served until Ctrl-C", async () => {
  const run = new LongRun(dir, ["sim", "replay", "lost.ndjson", "--page"]);
  await run.said("Ctrl-C ends it");
  const url = run.stdout.trim();
  expect(await (await fetch(url)).text()).toContain("<title>Anycastle</title>");
  const frame = await (await fetch(`${url}api/v1/replay/frame?at=0`)).json();
  expect(frame).toMatchObject({ vantages: ["west"], routeless: 0 });
  run.kill("SIGINT");
  expect((await run.ended).status).toBe(130);
});

const WRONG: readonly { readonly name: string; readonly args: readonly string[]; readonly says: string }[] = [
  { name: "no file", args: ["nothing.ndjson"], says: "nothing.ndjson cannot be read: " },
  { name: "a directory", args: ["graphs"], says: "graphs cannot be read: " },
  { name: "another file", args: ["graphs/small.txt"], says: "graphs/small.txt line 1: no JSON: 10|20|0" },
  { name: "an empty file", args: ["empty.ndjson"], says: "empty.ndjson line 1: the file is empty" },
  { name: "half a file", args: ["half.ndjson"], says: "the file ends here, in the middle: it was cut off" },
  { name: "bytes of anything", args: ["noise.ndjson"], says: "noise.ndjson line 1: " },
  { name: "no such AS", args: ["lost.ndjson", "--as", "77"], says: "AS 77 is not in the graph" },
  {
    name: "peers without a file",
    args: ["lost.ndjson", "--peers", "10"],
    says: "--mrt and --peers belong together",
  },
  {
    name: "an unknown peer",
    args: ["lost.ndjson", "--mrt", "no.mrt", "--peers", "77"],
    says: "AS 77 is not in the graph",
  },
  {
    name: "no prefix",
    args: ["lost.ndjson", "--mrt", "no.mrt", "--peers", "10", "--prefix", "2001:db8::/32"],
    says: '--prefix "2001:db8::/32" is no IPv4 prefix',
  },
  {
    name: "a file that cannot be",
    args: ["lost.ndjson", "--mrt", "nowhere/no.mrt", "--peers", "10"],
    says: "nowhere/no.mrt cannot be written: ",
  },
  {
    name: "two outputs",
    args: ["lost.ndjson", "--csv", "--ndjson"],
    says: "--csv and --ndjson are both given",
  },
  {
    name: "an empty range",
    args: ["lost.ndjson", "--from", "2s", "--to", "1s"],
    says: "--from is after --to",
  },
];

test.for(WRONG)("$name: a clear sentence and status 2", async ({ args, says }) => {
  const whole = readFileSync(join(dir, "lost.ndjson"), "utf8");
  writeFileSync(join(dir, "empty.ndjson"), "");
  writeFileSync(join(dir, "half.ndjson"), whole.slice(0, whole.lastIndexOf("\n", whole.length - 2) + 1));
  writeFileSync(
    join(dir, "noise.ndjson"),
    Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 37) % 251)),
  );
  const { status, stdout, stderr } = await anycastle(dir, "sim", "replay", ...args);
  expect(stderr).toContain(says);
  expect([status, stdout]).toEqual([2, ""]);
  expect(existsSync(join(dir, "no.mrt"))).toBe(false);
});

test("nothing half written is left behind", () => {
  expect(readdirSync(dir).filter((name) => name.endsWith(".partial"))).toEqual([]);
});
