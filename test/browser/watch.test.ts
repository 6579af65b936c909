/** The page beside a cast that no lab started, in a real Chromium: it shows what it is told, and offers no order at all. */
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { Watch } from "#lab/watch/watch.ts";
import { launchChromium, whyNoChromium } from "../../scripts/browser/chromium.ts";
import {
  announced,
  FakeService,
  feedState,
  gatewayStatus,
  routes,
  simStatus,
} from "../lab/watch/fake-services.ts";
import { auditPage } from "./audit.ts";
import { expectSite, openPage, untilWhole, type WatchedPage } from "./watched-page.ts";

const missing = whyNoChromium();

let browser: Browser;
let gateway: FakeService;
let sim: FakeService;
let watch: Watch;
let watched: WatchedPage;
let page: Page;

beforeAll(async () => {
  if (missing === undefined) browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
});

beforeEach(async (context) => {
  if (missing !== undefined) return context.skip(missing);
  gateway = new FakeService(gatewayStatus());
  sim = new FakeService(simStatus());
  sim.feed = feedState();
  await Promise.all([gateway.start(), sim.start()]);
  watch = new Watch({
    gatewayUrl: "http://127.0.0.1:1",
    adminUrl: gateway.url,
    simUrl: sim.url,
    host: "127.0.0.1",
    port: 0,
    hostNames: [],
    version: "0.0.0",
    testMs: 10_000,
  });
  await watch.start();
  watched = await openPage(browser, watch.url);
  page = watched.page;
  await untilWhole(page);
  return undefined;
});

afterEach(async () => {
  if (missing !== undefined) return;
  const missteps = await watched.missteps();
  await watched.close();
  await watch.stop();
  await Promise.all([gateway.stop(), sim.stop()]);
  expect(missteps).toEqual([]);
});

test("no kill switch, no load, no test to start: it says why, and what a terminal does instead", async () => {
  for (const name of [/^Arm$/, /^Confirm/, /^Revive/, /^Drain/, /^Reset/, /^Test now$/, /^Start load$/]) {
    expect([name, await page.getByRole("button", { name }).count()]).toEqual([name, 0]);
  }
  expect(await page.locator(".kill").count()).toBe(0);
  expect(await page.locator(".watched").textContent()).toContain("this page did not start the cast");
  const commands = await page.locator(".watched .command code").allTextContents();
  expect(commands).toContain("docker compose kill ny1-1 ny1-2");
  expect(commands).toContain("docker compose start ny1-1 ny1-2");
  await page.locator('.map [data-site="la1"]').click();
  expect(await page.locator(".watched .command code").first().textContent()).toBe(
    "docker compose kill la1-1 la1-2",
  );
});

test("what nobody tells it shows as unknown: pid, CPU, memory, log", async () => {
  const card = page.locator(".node-card").first();
  const facts = await card.locator("dd").allTextContents();
  expect(facts).toEqual(["–", "–", "–", "–", "healthy", "up"]);
  expect(await card.locator(".log").textContent()).toContain("Out of reach from here");
});

test("New York's withdrawal and return are seen without a reload", async () => {
  await expectSite(page, "ny1", /: announced, 2 of 2 nodes well$/);
  gateway.document = gatewayStatus({ "ny1-1": "ejected", "ny1-2": "unhealthy" });
  sim.say(announced("ny1", []));
  sim.say(routes("new-york", ["la1"]));
  await expectSite(page, "ny1", /: withdrawn, 0 of 2 nodes well$/);
  const story = page.locator(".story");
  await expect.poll(() => story.textContent()).toContain("ny1 withdrawn from the Internet");
  await expect.poll(() => story.textContent()).toContain("New York: ny1 → la1");
  gateway.document = gatewayStatus();
  sim.say(announced("ny1", ["ny1-1", "ny1-2"]));
  await expectSite(page, "ny1", /: announced, 2 of 2 nodes well$/);
  await expect.poll(() => story.textContent()).toContain("ny1 announced");
});

test("a gateway that does not answer is said to be silent, and its nodes' state unknown", async () => {
  await gateway.stop();
  await page.getByText("the gateway does not answer").waitFor();
  await expectSite(page, "ny1", /: announced, 0 of 2 nodes well$/);
  expect(await page.locator(".node-card.unknown").count()).toBe(2);
  await gateway.start();
  await untilWhole(page);
});

test("it has no flaw that the audit finds", async () => {
  expect(await auditPage(page)).toEqual([]);
});
