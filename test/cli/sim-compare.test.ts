/** `anycastle sim compare` as a person types it: four ways to serve, and worlds of one's own. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { anycastle, scratch } from "./run-cli.ts";

const { dir, remove } = scratch();
afterAll(remove);

const COMPARE = ["sim", "compare", "--lose", "ny1", "--seeds", "20"];

interface Way {
  readonly name: string;
  readonly figures: { readonly affected: number; readonly lostUs: { readonly median: number | null } };
}

async function ways(...more: string[]): Promise<Way[]> {
  const { status, stdout } = await anycastle(dir, ...COMPARE, ...more, "--json");
  expect(status).toBe(0);
  return (JSON.parse(stdout) as { ways: Way[] }).ways;
}

test("a site dies: one site is down for all, DNS for one in fourteen and longer than anycast", async () => {
  const [single, balancer, dns, anycast] = await ways();
  // JSON has no infinity: null is "until somebody repairs it".
  expect([single!.figures, balancer!.figures]).toMatchObject([
    { affected: 1, lostUs: { median: null } },
    { affected: 1, lostUs: { median: null } },
  ]);
  expect([dns!.figures.affected, anycast!.figures.affected]).toEqual([1 / 14, 1 / 14]);
  expect(dns!.figures.lostUs.median).toBeGreaterThan(anycast!.figures.lostUs.median!);
  const [, , , quick] = await ways("--detection", "bfd:3x100ms");
  expect(quick!.figures.lostUs.median).toBeLessThan(2e6);
});

test("a server dies: the balancer takes it out", async () => {
  const [single, balancer] = await ways("--kill", "server");
  expect([single!.figures.lostUs.median, balancer!.figures.affected]).toEqual([null, 1]);
  expect(balancer!.figures.lostUs.median).toBeGreaterThanOrEqual(8e6);
  expect(balancer!.figures.lostUs.median).toBeLessThanOrEqual(10.5e6);
});

test("for people: a line for each, what each is, and what the table does not know", async () => {
  const { stdout } = await anycastle(dir, ...COMPARE);
  expect(stdout).toMatch(/^single +100\.0 % +until repaired +until repaired/m);
  expect(stdout).toMatch(/^edge-anycast +7\.1 % +\d+\.\d\d +\d+\.\d\d .* 3\.0 +68\.7$/m);
  expect(stdout).toContain(
    "edge-dns: 9 sites, 2 servers each, by DNS, TTL 60 s; detected by a check every 5 s",
  );
  expect(stdout).toContain("14 to 35 % of real routing decisions");
});

test("worlds of one's own beside built-in ones, and a report in one file", async () => {
  writeFileSync(
    join(dir, "own.yaml"),
    `graph: { links: ["10|11|-1", "10|12|-1", "10|30|-1"] }
sites: [{ id: ny1, as: 11 }, { id: la1, as: 12 }]
vantages: [{ id: here, as: 30, rttMs: { ny1: 4, la1: 50 } }]
checks: { intervalMs: 1000, timeoutMs: 500, failures: 2 }
`,
  );
  const own = ["--world", "own.yaml", "preset:edge-dns", "--html", "ways.html"];
  const [mine, dns] = await ways(...own);
  expect([mine!.name, mine!.figures.affected, dns!.name]).toEqual(["own.yaml", 1, "edge-dns"]);
  const html = readFileSync(join(dir, "ways.html"), "utf8");
  expect([html.startsWith("<!doctype html>"), /(?:src|href)="(?!#)/.test(html)]).toEqual([true, false]);
  expect(html).toContain("Least is lost with own.yaml");
});

test.for([
  [["--world", "preset:nine-pop"], 'there is no preset "nine-pop"'],
  [["--world", "bare.yaml"], "bare.yaml has no vantages"],
  [["--world", "preset:single", "--lose", "la1"], 'there is no site "la1"'],
  [["--kill", "city"], "It must be one of site, server"],
] as const)("refused in a sentence: %j", async ([words, sentence]) => {
  writeFileSync(join(dir, "bare.yaml"), "graph: { links: ['10|11|-1'] }\nsites: [{ id: ny1, as: 11 }]\n");
  const { status, stdout, stderr } = await anycastle(dir, ...COMPARE, ...words);
  expect([status, stdout, stderr]).toEqual([2, "", expect.stringContaining(sentence)]);
});

test.for(["withdraw", "catchment", "announce"])(
  "a world by DNS is not played as anycast by sim %s",
  async (command) => {
    const site = { withdraw: ["--lose", "ny1"], catchment: [], announce: ["--join", "ny1"] }[command]!;
    const { status, stdout, stderr } = await anycastle(
      dir,
      "sim",
      command,
      "--world",
      "preset:edge-dns",
      ...site,
    );
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toContain("finds its sites by DNS, and this is about anycast");
  },
);

test("a world's own checks find a loss, unless the flag says how", async () => {
  const ask = async (...more: string[]): Promise<string> =>
    (await anycastle(dir, "sim", "withdraw", "--world", "preset:edge-anycast", "--lose", "ny1", ...more))
      .stdout;
  expect(await ask()).toContain("detected by a check every 5 s, 3 failures");
  expect(await ask("--detection", "0")).toContain("detected after 0 ms");
});
