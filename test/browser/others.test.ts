/** The page in worse moments: without a link, with a used one, while its lab dies, for those who ask for calm. */
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { launchChromium, whyNoChromium } from "../../scripts/browser/chromium.ts";
import { DemoProcess } from "../../scripts/browser/demo-process.ts";
import { auditPage } from "./audit.ts";
import { openPage, untilWhole } from "./watched-page.ts";

const missing = whyNoChromium();

let demo: DemoProcess;
let browser: Browser;

beforeAll(async () => {
  if (missing !== undefined) return;
  [demo, browser] = await Promise.all([DemoProcess.start(), launchChromium()]);
});

afterAll(async () => {
  await browser?.close();
  await demo?.stop();
});

beforeEach((context) => {
  if (missing !== undefined) context.skip(missing);
});

test("without a link the page is for looking, and says how to get one", async () => {
  const { origin } = new URL(await demo.link);
  const { page, missteps, close } = await openPage(browser, origin);
  await untilWhole(page);
  expect(await page.locator(".look-only").textContent()).toContain("npx anycastle page");
  for (const name of ["Arm", "Test now", "Start load", "Reset all", "Revive ny1", "Drain ny1"]) {
    expect(await page.getByRole("button", { name, exact: true }).isDisabled()).toBe(true);
  }
  const response = await page.evaluate(async () => {
    const headers = { "content-type": "application/json" };
    const reply = await fetch("/api/v1/fail", {
      method: "POST",
      headers,
      body: '{"target":"ny1","how":"kill"}',
    });
    return reply.status;
  });
  expect(response).toBe(401);
  // The one refusal that the test provoked.
  expect((await missteps()).filter((text) => !text.includes("401"))).toEqual([]);
  await close();
});

test("a link that was used opens nothing, and the page says so", async () => {
  const link = demo.command("page");
  const first = await openPage(browser, link);
  await untilWhole(first.page);
  expect(await first.page.locator(".look-only").count()).toBe(0);
  await first.page.reload();
  await untilWhole(first.page);
  expect(await first.page.locator(".look-only").count()).toBe(0);
  await first.close();
  const second = await openPage(browser, link);
  await second.page.getByText("That link was used already").waitFor();
  await second.close();
  // In the tab of a page that is there already, where only the fragment changes.
  const third = await openPage(browser, new URL(link).origin);
  await third.page.getByText("open the link that the terminal printed").waitFor();
  await third.page.goto(link);
  await third.page.getByText("That link was used already").waitFor();
  await third.close();
});

test("another port of the host gets the cookie and not the page's key, and may do nothing with it", async () => {
  const { page, close } = await openPage(browser, demo.command("page"));
  await untilWhole(page);
  const seen: IncomingHttpHeaders[] = [];
  const neighbor = createServer((request, response) => {
    seen.push(request.headers);
    response.end();
  });
  await new Promise<void>((resolve) => neighbor.listen(0, "127.0.0.1", resolve));
  try {
    const tab = await page.context().newPage();
    await tab.goto(`http://127.0.0.1:${(neighbor.address() as AddressInfo).port}/`);
    const stolen = seen[0]!.cookie!;
    expect(stolen).toMatch(/^anycastle-\d+=/);
    expect(await tab.evaluate(() => localStorage.length)).toBe(0);
    // What is no browser forges the Origin.
    const { origin } = new URL(page.url());
    const reply = await fetch(`${origin}/api/v1/fail`, {
      method: "POST",
      headers: { "content-type": "application/json", cookie: stolen, origin },
      body: '{"target":"ny1","how":"kill"}',
    });
    expect(reply.status).toBe(401);
  } finally {
    neighbor.close();
    neighbor.closeAllConnections();
    await close();
  }
});

test("who asks for less motion gets none", async () => {
  const { page, close } = await openPage(browser, new URL(await demo.link).origin, {
    reducedMotion: "reduce",
  });
  await untilWhole(page);
  const animations = await page.evaluate(() => document.getAnimations().length);
  const styles = await page.evaluate(() =>
    [...document.querySelectorAll(".arc")].map((arc) => getComputedStyle(arc).animationName),
  );
  expect(animations).toBe(0);
  expect(styles.length).toBeGreaterThan(0);
  expect(new Set(styles)).toEqual(new Set(["none"]));
  await close();
});

test.each(["dark", "light"] as const)("names, roles and contrast hold in the %s", async (colorScheme) => {
  const { page, missteps, close } = await openPage(browser, demo.command("page"), { colorScheme });
  await untilWhole(page);
  await page.getByRole("button", { name: "Test now" }).click();
  await page.getByText("Test now: done").waitFor();
  expect(await auditPage(page)).toEqual([]);
  await page.getByRole("button", { name: "Arm", exact: true }).click();
  await page.getByRole("button", { name: /^Confirm/ }).waitFor();
  expect(await auditPage(page)).toEqual([]);
  expect(await missteps()).toEqual([]);
  await close();
});

test("the lab is killed and started again: the page comes back by itself, and a new link lets it act", async () => {
  const victim = await DemoProcess.start();
  const { page, close } = await openPage(browser, await victim.link);
  const { port } = new URL(await victim.link);
  await untilWhole(page);
  await victim.kill();
  await page.getByText("connection lost, trying again").waitFor();
  const successor = await DemoProcess.start({
    runtimeDir: victim.runtimeDir,
    controlPort: Number(port),
    seed: 2,
  });
  try {
    await untilWhole(page);
    await page.locator(".run", { hasText: "seed 2" }).waitFor();
    expect(await page.locator(".look-only").isVisible()).toBe(true);
    await page.goto(successor.command("page"));
    await expect.poll(() => page.locator(".look-only").count()).toBe(0);
    expect(await page.getByRole("button", { name: "Arm", exact: true }).isEnabled()).toBe(true);
  } finally {
    await close();
    await successor.stop();
  }
});

test("a lab that stands still is noticed by its silence; after it the page goes on where it was", async () => {
  const { page, close } = await openPage(browser, demo.command("page"));
  await untilWhole(page);
  await page.getByRole("button", { name: "Test now" }).click();
  await page.getByText("Test now: done").waitFor();
  const ids: string[] = [];
  page.on("request", (request) => {
    const after = new URL(request.url()).searchParams.get("after");
    if (after !== null) ids.push(after);
  });
  process.kill(demo.pid, "SIGSTOP");
  try {
    await page.getByText("connection lost, trying again").waitFor({ timeout: 20_000 });
  } finally {
    process.kill(demo.pid, "SIGCONT");
  }
  await untilWhole(page);
  demo.command("kill", "szx1", "--how", "kill");
  await page.locator(".story li.fault", { hasText: "kill szx1" }).waitFor();
  expect(ids.at(-1)).toMatch(/^[\w-]+-\d+$/);
  expect(await page.locator(".cities tbody td:nth-child(2)").first().textContent()).toBe("200");
  demo.command("reset");
  await close();
});
