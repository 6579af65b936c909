/** What people type about changes: how a site goes, joins, moves; a leak; and what is refused. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { anycastle, scratch } from "./run-cli.ts";

const { dir, remove } = scratch();
afterAll(remove);

/** 10 and 20 are peers; west is AS 11 below 10, east a router behind 20 and 10; 30 is below both. */
const WORLD = `
graph: { links: ["10|20|0", "10|11|-1", "10|30|-1", "20|30|-1", "20|40|-1"] }
sites:
  - { id: west, as: 11 }
  - { id: east, upstreams: [20, { as: 10, kind: peer }] }
timers: { delayMs: [10, 10], mraiMs: [0, 0] }
`;

beforeAll(() => writeFileSync(join(dir, "world.yaml"), WORLD));

function ask(...words: string[]): ReturnType<typeof anycastle> {
  return anycastle(dir, "sim", ...words, "--world", "world.yaml", "--seeds", "2");
}

interface RunDocument {
  readonly runs: readonly {
    readonly affectedAses: number;
    readonly grid: readonly { readonly atUs: number; readonly there: number; readonly right: number }[];
    readonly histories: readonly {
      readonly as: number;
      readonly announcements: number;
      readonly steps: readonly {
        readonly atUs: number;
        readonly fate: string;
        readonly way: readonly number[];
      }[];
    }[];
  }[];
  readonly acts: readonly { readonly atUs: number; readonly what: string }[];
}

async function askDocument(...words: string[]): Promise<RunDocument> {
  const { status, stdout, stderr } = await ask(...words, "--json");
  expect([status, stderr]).toEqual([0, expect.not.stringContaining("error")]);
  return JSON.parse(stdout) as RunDocument;
}

describe("withdraw", () => {
  test("BFD: each neighbour of a router finds out by itself, within its window, otherwise in every run", async () => {
    const { acts, runs } = await askDocument("withdraw", "--lose", "east", "--detection", "bfd:3x300ms");
    expect(acts[0]).toEqual({ atUs: 0, what: "east fails" });
    expect(acts[1]!.atUs).toBeGreaterThan(600_000);
    expect(acts[1]!.atUs).toBeLessThanOrEqual(900_000);
    const [first, second] = runs.map(({ grid }) => grid.map(({ atUs }) => atUs));
    expect(first).not.toEqual(second);
  });

  test("an observed AS: where its packets went, and what it heard", async () => {
    const { runs } = await askDocument("withdraw", "--lose", "west", "--observe", "AS30,20");
    const [thirty] = runs[0]!.histories;
    expect(thirty).toMatchObject({ as: 30, announcements: 1 });
    expect(thirty!.steps.map(({ atUs, way }) => [atUs, way])).toEqual([
      [0, [30, 10, 11]],
      [10_000, [30, 10, 64_500]],
    ]);
    const { stdout } = await ask("withdraw", "--lose", "west", "--observe", "30");
    expect(stdout).toMatch(
      /^AS 30 in the first run: heard 1 announcements and 0 withdrawals, chose 1 times$/m,
    );
    expect(stdout).toMatch(/^0\.010 s +arrives +east +AS30 AS10 AS64500$/m);
  });

  test("a flap that is damped says so in the timers, and comes to rest after the damping", async () => {
    const { runs, acts } = await askDocument(
      "withdraw",
      "--lose",
      "west",
      "--how",
      "flap",
      "--times",
      "3",
      "--down",
      "1s",
      "--up",
      "1s",
      "--damping",
      "cisco",
    );
    expect(acts.map(({ what }) => what).slice(0, 2)).toEqual([
      "west withdraws, 1 of 3",
      "west announces again, 1 of 3",
    ]);
    expect(runs[0]!.grid.at(-1)!.atUs).toBeGreaterThan(25 * 60e6);
    const { stdout } = await ask("withdraw", "--lose", "west", "--how", "flap", "--damping", "juniper=30%");
    expect(stdout).toContain("timers own, damping juniper by 30 %");
  });

  test("graceful, and a session that is reset: the table tells who is still there", async () => {
    const graceful = await ask("withdraw", "--lose", "west", "--how", "graceful-shutdown", "--wait", "1s");
    expect(graceful.stdout).toMatch(/^west announces GRACEFUL_SHUTDOWN and withdraws 1 s later, in /);
    expect(graceful.stdout).toContain("OF THEM AT west");
    expect(graceful.stdout).toContain("without service, s per client   0.00 / 0.00 / 0.00");
    const { runs } = await askDocument(
      "withdraw",
      "--lose",
      "west",
      "--how",
      "reset",
      "--session",
      "10",
      "--down",
      "2s",
    );
    expect(runs[0]!.grid[0]!.there).toBe(0);
    expect(runs[0]!.grid.at(-1)!.there).toBe(runs[0]!.affectedAses);
  });
});

test("a site joins: who comes, from where, until when", async () => {
  const { status, stdout } = await ask("announce", "--join", "west");
  expect([status, stdout]).toEqual([0, expect.stringContaining("west joins, in ")]);
  expect(stdout).toMatch(/^east +2 +100\.0 %$/m);
  expect(stdout).toContain("From 0.0 s on nobody comes to west who is not there");
});

test("a move is recorded, and its recording shows the new site serving", async () => {
  const words = [
    "announce",
    "--join",
    "west",
    "--instead-of",
    "east",
    "--gap",
    "1s",
    "--record",
    "move.ndjson",
  ];
  expect((await ask(...words)).status).toBe(0);
  const at = async (time: string): Promise<unknown> => {
    const { stdout } = await anycastle(dir, "sim", "replay", "move.ndjson", "--at", time, "--json");
    return (JSON.parse(stdout) as { state: { sites: unknown } }).state.sites;
  };
  expect(await at("500ms")).toMatchObject([{ isAnnounced: false }, { isAnnounced: false, isServing: false }]);
  expect(await at("3s")).toMatchObject([
    { isAnnounced: true, isServing: true, routes: 5 },
    { isServing: false, routes: 0 },
  ]);
});

test("a leak: whom it draws in, and a customer of one provider draws in nobody", async () => {
  const { stdout } = await ask("leak", "--as", "30", "--for", "1s");
  expect(stdout).toMatch(/^(?:Before it|Nobody is drawn in)/m);
  const { stdout: single } = await ask("leak", "--as", "40");
  expect(single).toContain("Nobody is drawn in: 0 (0.0 %) go through AS 40 before and during it.");
});

test.for([
  [
    ["announce", "--join", "west", "--instead-of", "east"],
    [
      "west takes the place of east",
      "It concerns 4 (",
      "of those whose site changes",
      ">gone<",
      "west serves then",
    ],
  ],
  [
    ["announce", "--join", "west"],
    ["west joins", "when all is quiet again"],
  ],
  [
    ["leak", "--as", "30", "--for", "1s"],
    ["AS 30 leaks for 1 s", "through AS 30", "of everybody"],
  ],
] as const)(
  "%s: a report in one file that fetches nothing and says what it is about",
  async ([words, told]) => {
    const { status } = await ask(...words, "--html", "change.html");
    const html = readFileSync(join(dir, "change.html"), "utf8");
    expect([status, html.startsWith("<!doctype html>"), /(?:src|href)="(?!#)/.test(html)]).toEqual([
      0,
      true,
      false,
    ]);
    for (const text of told) expect(html).toContain(text);
    expect(html).toContain("What becomes of their packets");
  },
);

describe("refused in a sentence", () => {
  test.for([
    [["withdraw", "--lose", "west", "--times", "3"], "--times means nothing with --how fail"],
    [
      ["withdraw", "--lose", "west", "--how", "flap", "--detection", "1s"],
      "--detection means nothing with --how flap",
    ],
    [["withdraw", "--lose", "west", "--how", "reset"], "needs to know which session"],
    [["withdraw", "--lose", "west", "--how", "reset", "--session", "20"], "west has no session with AS 20"],
    [["withdraw", "--lose", "west", "--how", "reset", "--session", "99"], "has no AS 99"],
    [["withdraw", "--lose", "west", "--observe", "10,99"], "has no AS 99"],
    [["withdraw", "--lose", "west", "--observe", "ten"], "It must be AS numbers"],
    [["withdraw", "--lose", "west", "--detection", "bfd:0x3s"], "It must be such as 0, 300ms, hold:90s"],
    [["withdraw", "--lose", "west", "--detection", "hold:1s"], "from 3000 ms"],
    [["withdraw", "--lose", "west", "--detection", "smoke:1s"], "It must be such as 0, 300ms, hold:90s"],
    [["withdraw", "--lose", "west", "--damping", "cisco=200%"], "at most 100%"],
    [["withdraw", "--lose", "west", "--damping", "nokia"], "It must be one of cisco, juniper, rfc-7196"],
    [["announce", "--join", "wets"], 'there is no site "wets"'],
    [["announce", "--join", "west", "--overlap", "1s"], "--overlap needs a site that goes"],
    [["announce", "--join", "west", "--instead-of", "west"], "west cannot take the place of itself"],
    [["leak", "--as", "11000"], "has no AS 11000"],
  ] as const)("%j", async ([words, sentence]) => {
    const { status, stdout, stderr } = await ask(...words);
    expect([status, stdout, stderr]).toEqual([2, "", expect.stringContaining(sentence)]);
  });
});
