/**
 * Silence in a whole cast of processes: BFD notices it where it is on, the hold timer where it is not; a goodbye is
 * neither. Facts only: by what a router lost its node stands in the journal, how fast belongs to the bench.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { BfdSettings } from "#core/detection.ts";
import type { JournalEvent } from "#core/wire/events.ts";
import { Lab, LAB_DEFAULTS } from "#lab/lab.ts";

const ANY_PORT = { port: 0, isStrict: false };
const WAIT_MS = 30_000;

async function startLab(bfd: BfdSettings | undefined, holdTimeS: number): Promise<Lab> {
  const lab = await Lab.start({
    ...LAB_DEFAULTS,
    bfd,
    holdTimeS,
    nodesPerSite: 1,
    seed: 1,
    gatewayPort: ANY_PORT,
    controlPort: ANY_PORT,
    runtimeDir: mkdtempSync(join(root, "lab-")),
    journalFile: undefined,
    version: "0.0.0",
  });
  await lab.untilReady();
  return lab;
}

function withdrawn(lab: Lab, site: string, sinceSeq: number): Promise<JournalEvent> {
  return lab.waitFor((event) => event.kind === "site.withdrawn" && event.site === site, {
    sinceSeq,
    timeoutMs: WAIT_MS,
    what: `${site} to be withdrawn`,
  });
}

let root: string;
let lab: Lab;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "anycastle-e2e-bfd-"));
  // A hold time that no test outlasts: what ends a session here is not the hold timer.
  lab = await startLab(LAB_DEFAULTS.bfd, 240);
}, 60_000);

afterAll(async () => {
  await lab.stop("the tests are over", "now");
  rmSync(root, { recursive: true, force: true });
}, 30_000);

test.each(["hang", "isolate", "bgp-cut"] as const)(
  "%s: BFD ends the session and withdraws the site, and revived both sessions come back",
  { timeout: 90_000 },
  async (how) => {
    const sinceSeq = lab.journal.lastSeq;
    await lab.fail({ target: "ny1", how });
    expect(await withdrawn(lab, "ny1", sinceSeq)).toMatchObject({
      reason: expect.stringMatching(/^ny1-1: BFD down: nothing heard for \d+ ms$/),
    });
    const detection = lab.journal
      .since(sinceSeq)
      .find((event) => event.kind === "bfd.session" && event.by === "router" && event.node === "ny1-1");
    expect(detection).toMatchObject({ state: "down", site: "ny1", detectMs: expect.any(Number) });
    await lab.revive({ target: "ny1" });
    await lab.untilReady();
    await lab.waitFor((event) => event.kind === "vantage.moved" && event.to === "ny1", {
      sinceSeq,
      timeoutMs: WAIT_MS,
      what: "New York to come home",
    });
    const node = lab.status().sites.find(({ site }) => site === "ny1")!.nodes[0]!;
    expect(node).toMatchObject({ bgp: "up", bfd: "up", fault: null });
  },
);

test("a drain and a shutdown are goodbyes, and no alarm", { timeout: 90_000 }, async () => {
  for (const [leave, asRouterSees] of [
    ["drain", "admin-down: the neighbor was switched off"],
    // Cease is sent first, and AdminDown finds a session that has begun anew.
    ["shutdown", "down: the BGP session ended"],
  ] as const) {
    const sinceSeq = lab.journal.lastSeq;
    if (leave === "drain") await lab.drain({ target: "ams1" });
    else await lab.fail({ target: "ams1", how: "shutdown" });
    const heard = lab.journal
      .since(sinceSeq)
      .flatMap((event) => (event.kind === "bfd.session" && event.node === "ams1-1" ? [event] : []));
    expect(
      heard.filter(({ by }) => by === "router").map(({ state, reason }) => `${state}: ${reason}`),
    ).toEqual([asRouterSees]);
    expect(heard.filter(({ detectMs }) => detectMs !== null)).toEqual([]);
    await lab.revive({ target: "ams1" });
    await lab.untilReady();
  }
});

test("without BFD the same silence is the hold timer's", { timeout: 120_000 }, async () => {
  const plain = await startLab(undefined, 3);
  try {
    const sinceSeq = plain.journal.lastSeq;
    await plain.fail({ target: "ny1", how: "hang" });
    expect(await withdrawn(plain, "ny1", sinceSeq)).toMatchObject({ reason: "ny1-1: hold timer expired" });
    expect(plain.journal.since(0).some((event) => event.kind === "bfd.session")).toBe(false);
    expect(plain.status().sites[0]!.nodes[0]).not.toHaveProperty("bfd");
  } finally {
    await plain.stop("the test is over", "now");
  }
});
