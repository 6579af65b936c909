/**
 * `npm run docs:media`: the pictures of the documents, taken from a running demo in a real Chromium: the page before,
 * during and after the loss of New York, in both lights and languages, on a phone, and as an animation of at most 3 MB.
 *
 * Nothing is drawn by hand, and nothing is repeated until it looks well, with one exception: on a machine that is
 * too busy to measure (a site city's first byte above `CALM_MS`, or a failed request, before anything was broken) it
 * starts the load anew, and in the end says so and takes none.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { launchChromium } from "./chromium.ts";
import { DemoProcess } from "./demo-process.ts";
import { writeAnimation, type Frame } from "./animation.ts";
import { Film } from "./film.ts";

const MEDIA = join(dirname(dirname(import.meta.dirname)), "docs", "media");
const SCREEN = { width: 1920, height: 1080 };
const PHONE = { width: 390, height: 844 };
const SEED = 7;
/** A third above what the city was published with. */
const CALM_MS = 50;
const CALM_TRIES_MAX = 10;
const WARM_UP_MS = 6_000;
/** Lines are drawn, and the processes' use has been told twice. */
const STILL_MS = 2_500;
const ANIMATION_BYTES_MAX = 3 * 1024 * 1024;
/** 1440 pixels wide. */
const FILM_SCALE = 0.75;

interface Stage {
  readonly demo: DemoProcess;
  readonly browser: Browser;
}

process.exitCode = await main();

async function main(): Promise<number> {
  mkdirSync(MEDIA, { recursive: true });
  const demo = await DemoProcess.start({ seed: SEED });
  const browser = await launchChromium();
  try {
    return await takeAll({ demo, browser });
  } finally {
    await browser.close();
    await demo.stop();
  }
}

async function takeAll(stage: Stage): Promise<number> {
  const page = await open(stage, { viewport: SCREEN, colorScheme: "dark", deviceScaleFactor: FILM_SCALE });
  if (!(await isCalm(page))) {
    say(`this machine is too busy: not calm in ${CALM_TRIES_MAX} tries; no picture was taken`);
    return 1;
  }
  await takeStill(stage, "dashboard-before");
  const frames = new Film(page);
  await playLoss(page, frames);
  await frames.stop();
  await takeStill(stage, "dashboard-during", ".condition.alert");
  await takeOthers(stage);
  frames.resume();
  await page.getByRole("button", { name: "Revive ny1" }).click();
  await page.locator(".story li.failback").first().waitFor({ timeout: 30_000 });
  await page.locator(".condition.ok").waitFor({ timeout: 30_000 });
  await runTest(page);
  await wait(1_000);
  await frames.stop();
  await takeStill(stage, "dashboard-after");
  return film(stage, frames.frames);
}

async function playLoss(page: Page, film: Film): Promise<void> {
  film.resume();
  await wait(800);
  await page.getByRole("button", { name: "Arm", exact: true }).click();
  await wait(1_000);
  await page.getByRole("button", { name: "Confirm: kill ny1" }).click();
  await page.locator(".story li.settled").waitFor({ timeout: 30_000 });
  await wait(1_500);
  await runTest(page);
  await wait(1_200);
}

/** While New York is down: light, Chinese, and a phone, each as somebody sees it who comes now. */
async function takeOthers(stage: Stage): Promise<void> {
  const kinds: readonly (readonly [string, BrowserContextOptions])[] = [
    ["dashboard-light", { viewport: SCREEN, colorScheme: "light" }],
    ["dashboard-zh", { viewport: SCREEN, colorScheme: "dark", locale: "zh-CN" }],
    ["dashboard-390", { viewport: PHONE, colorScheme: "dark", deviceScaleFactor: 2 }],
  ];
  for (const [name, options] of kinds) await takeStill(stage, name, ".condition.alert", options);
}

/** A page of its own: the acting one is scaled down for the film. `ready` is what its head must show. */
async function takeStill(
  stage: Stage,
  name: string,
  ready = ".condition.ok",
  options: BrowserContextOptions = { viewport: SCREEN, colorScheme: "dark" },
): Promise<void> {
  const page = await open(stage, options, ready);
  await wait(STILL_MS);
  await shoot(page, name);
  await page.context().close();
}

async function film({ browser }: Stage, frames: readonly Frame[]): Promise<number> {
  const decoder = await browser.newPage();
  const bytes = await writeAnimation(join(MEDIA, "failover.gif"), frames, decoder);
  say(`failover.gif: ${frames.length} frames, ${(bytes / 1024).toFixed(0)} KB`);
  if (bytes <= ANIMATION_BYTES_MAX) return 0;
  say("failover.gif is larger than 3 MB");
  return 1;
}

async function open(
  { demo, browser }: Stage,
  options: BrowserContextOptions,
  ready = ".condition.ok",
): Promise<Page> {
  const context = await browser.newContext({ locale: "en-US", ...options });
  const page = await context.newPage();
  await page.goto(demo.command("page"));
  await page.locator(ready).waitFor({ timeout: 60_000 });
  return page;
}

/** Under load, two cities that have a site of their own are as fast as they should be, and nothing has failed. */
async function isCalm(page: Page): Promise<boolean> {
  for (let tries = 0; tries < CALM_TRIES_MAX; tries++) {
    await page.getByRole("button", { name: "Start load" }).click();
    await wait(WARM_UP_MS);
    await runTest(page);
    const figures = await page.locator(".cities tbody tr .figure").allTextContents();
    const failed = await page.locator(".counts > div:nth-child(3) dd").textContent();
    // New York stands first, Los Angeles second.
    if (failed === "0" && figures.slice(0, 2).every((figure) => Number(figure) < CALM_MS)) return true;
    say(`not calm: first byte ${figures.slice(0, 2).join(" and ")} ms, ${failed} failed`);
    await page.getByRole("button", { name: "Stop load" }).click();
    await page
      .getByRole("button", { name: "Start load" })
      .and(page.locator(":enabled"))
      .waitFor({ timeout: 60_000 });
  }
  return false;
}

async function runTest(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Test now" }).click();
  await page.locator(".cities button.primary:disabled").waitFor();
  await page.locator(".cities button.primary:enabled").waitFor({ timeout: 60_000 });
}

async function shoot(page: Page, name: string): Promise<void> {
  const png = await page.screenshot();
  writeFileSync(join(MEDIA, `${name}.png`), png);
  say(`${name}.png: ${(png.length / 1024).toFixed(0)} KB`);
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function say(line: string): void {
  process.stderr.write(`media: ${line}\n`);
}
