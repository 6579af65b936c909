/** The page of a recording in a real Chromium: played, stopped, pulled in both directions. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { createControlServer } from "#core/host/control-server.ts";
import { addPageFiles } from "#lab/page/page-files.ts";
import { presetDocument } from "#sim/load/presets.ts";
import { RecordedStory } from "#sim/recording/moments.ts";
import { ReplayHub } from "#sim/serve/replay-hub.ts";
import { openReplay } from "../../cli/sim/recording-file.ts";
import { launchChromium, whyNoChromium } from "../../scripts/browser/chromium.ts";
import { recordLoss } from "../sim/recording/record-file.ts";
import { auditPage } from "./audit.ts";
import { expectSite, openPage, PHONE, type WatchedPage } from "./watched-page.ts";

const missing = whyNoChromium();
const FAILS_US = 0;
const WITHDRAWN_US = 900_000;

let dir: string;
let browser: Browser;
let story: RecordedStory;
let hub: ReplayHub;
let server: FastifyInstance;
let url: string;
let watched: WatchedPage;
let page: Page;

beforeAll(async () => {
  if (missing !== undefined) return;
  dir = mkdtempSync(join(tmpdir(), "anycastle-replay-"));
  const file = join(dir, "lost.ndjson");
  await recordLoss({ document: presetDocument("nine-pops"), folder: dir, timing: "no-mrai", file });
  const { replay } = await openReplay(file, undefined);
  story = new RecordedStory(replay);
  hub = new ReplayHub(story, { version: "0.0.0", modelLimits: "It knows little." });
  server = createControlServer({ token: "t".repeat(32) });
  addPageFiles(server);
  hub.addTo(server);
  url = await server.listen({ host: "127.0.0.1", port: 0 });
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
  hub?.close();
  await server?.close();
  if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
});

beforeEach(async (context) => {
  if (missing !== undefined) return context.skip(missing);
  watched = await openPage(browser, url);
  page = watched.page;
  await page.locator(".shares tbody tr").first().waitFor();
  return undefined;
});

afterEach(async () => {
  if (missing !== undefined) return;
  const missteps = await watched.missteps();
  await watched.close();
  expect(missteps).toEqual([]);
});

async function pullTo(atUs: number): Promise<void> {
  await page.getByLabel("Moment of the recording").fill(String(atUs));
}

function arriving(): Promise<string | null> {
  return page.locator(".fates .right dd").textContent();
}

async function positionUs(): Promise<number> {
  return Number(await page.getByLabel("Moment of the recording").inputValue());
}

test("it says what it is, and offers nothing that a lab would", async () => {
  await page.getByText("a recording of a simulated change").waitFor();
  const note = await page.locator(".look-only").textContent();
  expect(note).toContain("ny1 is lost");
  expect(note).toContain("It knows little.");
  for (const panel of [".kill", ".cities", ".latency", ".nodes"]) {
    expect([panel, await page.locator(panel).count()]).toEqual([panel, 0]);
  }
  expect(await page.locator(".map [data-site]").count()).toBe(9);
});

test("pulled forwards and backwards, map, figures and table are those of the moment", async () => {
  const { endUs } = story.replay.recording;
  expect(story.at(endUs).vantages).not.toEqual(story.at(0).vantages);
  for (const atUs of [FAILS_US, endUs, WITHDRAWN_US - 100_000, endUs, FAILS_US]) {
    await pullTo(atUs);
    expect(await positionUs()).toBe(atUs);
    const home = story.at(0).vantages;
    const { sites, vantages, fates, changes } = story.at(atUs);
    const routes = String(sites[0]!.routes);
    await expectSite(
      page,
      "ny1",
      new RegExp(
        `^ny1: ${sites[0]!.isAnnounced ? "announced" : "withdrawn"}, dead, routes of ${routes} ASes`,
      ),
    );
    const share = `${Number(((100 * fates.right) / story.affected.length).toPrecision(2))} %`;
    await expect.poll(arriving).toBe(share);
    expect(await page.locator('.shares [data-site="ny1"] td').nth(1).textContent()).toBe(routes);
    await expect
      .poll(() => page.locator(".fates dd").last().textContent())
      .toMatch(new RegExp(`^${changes}`));
    // A vantage that is away from its first site has the line of one that moved.
    const away = vantages.filter((site, index) => site !== null && site !== home[index]).length;
    await expect.poll(() => page.locator(".arc.away").count()).toBe(away);
  }
});

test("it plays to the end by itself, then backwards to the start", async () => {
  const { endUs } = story.replay.recording;
  await page.getByRole("button", { name: "Play", exact: true }).click();
  await expect.poll(positionUs, { timeout: 20_000 }).toBeGreaterThan(WITHDRAWN_US);
  await page.getByRole("button", { name: "Play", exact: true }).waitFor();
  await expect
    .poll(() => page.locator(".shares [data-site=ny1] td").first().textContent())
    .toContain("withdrawn");
  await expect.poll(arriving).toBe("100 %");
  await page.getByRole("button", { name: "Backwards" }).click();
  await expect.poll(positionUs, { timeout: 20_000 }).toBe(0);
  await expect
    .poll(() => page.locator(".shares [data-site=ny1] td").first().textContent())
    .toContain("announced");
  expect(endUs).toBeGreaterThan(WITHDRAWN_US);
});

test("the space bar stops and goes on; a moment in the list is a way there", async () => {
  await page.getByLabel("Speed").selectOption("0.1");
  await page.locator("h1").click();
  await page.keyboard.press(" ");
  await page.getByRole("button", { name: "Pause" }).waitFor();
  await page.keyboard.press(" ");
  await page.getByRole("button", { name: "Play", exact: true }).waitFor();
  await page.getByRole("button", { name: "ny1 withdraws" }).click();
  await expect.poll(() => page.locator(".handles .moment").textContent()).toBe("900 ms after it began");
  expect(await page.locator("[aria-current=step]").textContent()).toContain("ny1 withdraws");
});

test.each(["dark", "light"] as const)("%s: it has no flaw that the audit finds", async (theme) => {
  if ((await page.locator("html").getAttribute("data-theme")) !== theme) {
    await page.getByRole("button", { name: "Dark or light" }).click();
  }
  await pullTo(WITHDRAWN_US);
  await expect.poll(() => page.locator("html").getAttribute("data-theme")).toBe(theme);
  expect(await auditPage(page)).toEqual([]);
});

test("in Chinese, and on a phone without scrolling sideways", async () => {
  await page.getByRole("button", { name: "中文" }).click();
  await page.getByRole("button", { name: "倒放" }).waitFor();
  await page.setViewportSize(PHONE);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(wide).toBe(0);
});
