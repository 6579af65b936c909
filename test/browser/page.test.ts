/** The page of a demo, used as a person uses it, in a real Chromium. */
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { FAULT_HOWS, type FaultHow } from "#core/wire/faults.ts";
import { launchChromium, whyNoChromium } from "../../scripts/browser/chromium.ts";
import { DemoProcess } from "../../scripts/browser/demo-process.ts";
import { expectSite, openPage, PHONE, SCREEN, site, untilWhole, type WatchedPage } from "./watched-page.ts";

const missing = whyNoChromium();

let demo: DemoProcess;
let browser: Browser;
let watched: WatchedPage;
let page: Page;

beforeAll(async () => {
  if (missing !== undefined) return;
  [demo, browser] = await Promise.all([DemoProcess.start(), launchChromium()]);
});

afterAll(async () => {
  await browser?.close();
  await demo?.stop();
});

beforeEach(async (context) => {
  if (missing !== undefined) return context.skip(missing);
  watched = await openPage(browser, demo.command("page"));
  page = watched.page;
  await untilWhole(page);
  return undefined;
});

afterEach(async () => {
  if (missing !== undefined) return;
  const missteps = await watched.missteps();
  await watched.close();
  expect(missteps).toEqual([]);
});

async function choose(target: string, how: FaultHow): Promise<void> {
  await page.locator(`.kill input[name="site"][value="${target}"]`).check();
  await page.locator(`.kill input[name="how"][value="${how}"]`).check();
}

async function pull(target: string, how: FaultHow): Promise<void> {
  await choose(target, how);
  await page.getByRole("button", { name: "Arm", exact: true }).click();
  await page.getByRole("button", { name: `Confirm: ${how} ${target}` }).click();
}

async function revive(target: string): Promise<void> {
  await page.getByRole("button", { name: `Revive ${target}` }).click();
  await expectSite(page, target, /: announced, 2 of 2 nodes well$/);
  await untilWhole(page);
}

async function runTest(): Promise<void> {
  const before = await page.locator(".outcome").textContent();
  const button = page.getByRole("button", { name: "Test now" });
  await button.click();
  if (before !== "Test now: done") await page.getByText("Test now: done").waitFor();
  else await button.and(page.locator(":enabled")).waitFor();
}

test("nine sites, fourteen cities, the secret gone from the address", async () => {
  expect(new URL(page.url()).hash).toBe("");
  expect(await page.locator(".map [data-site]").count()).toBe(9);
  expect(await page.locator(".cities tbody tr").count()).toBe(14);
  for (const code of ["ny1", "la1", "hgh1", "ctu1", "ams1", "hkg1", "szx1", "syd1", "wuh1"]) {
    await expectSite(page, code, new RegExp(`^${code}, .+: announced, 2 of 2 nodes well$`));
  }
  const cookies = await watched.context.cookies();
  expect(cookies).toMatchObject([{ httpOnly: true, sameSite: "Strict" }]);
});

test("a full screen shows everything without scrolling, and nothing is cut off", async () => {
  await runTest();
  const overflow = await page.evaluate(() => {
    const root = document.documentElement;
    const panels = [...document.querySelectorAll<HTMLElement>(".panel")];
    return {
      page: [root.scrollHeight - innerHeight, root.scrollWidth - innerWidth],
      panels: panels
        .filter(
          (panel) => panel.scrollHeight > panel.clientHeight + 1 || panel.scrollWidth > panel.clientWidth + 1,
        )
        .map((panel) => panel.className),
      outside: panels.filter((panel) => panel.getBoundingClientRect().bottom > innerHeight).length,
    };
  });
  expect(overflow).toEqual({ page: [0, 0], panels: [], outside: 0 });
});

test("a phone's width needs no scrolling sideways, and every control can be reached and hit", async () => {
  await page.setViewportSize(PHONE);
  const found = await page.evaluate(() => ({
    wide: document.documentElement.scrollWidth - innerWidth,
    small: [...document.querySelectorAll<HTMLElement>("button, select, .chip")]
      .map((element) => ({ name: element.textContent, box: element.getBoundingClientRect() }))
      .filter(({ box }) => box.height < 24 || box.width < 24 || box.left < 0 || box.right > innerWidth)
      .map(({ name }) => name),
  }));
  expect(found).toEqual({ wide: 0, small: [] });
  await page.setViewportSize(SCREEN);
});

test("a test from the page fills the table; a row shows its answer as it came", async () => {
  await runTest();
  await expect
    .poll(() => page.locator(".cities tbody td:nth-child(2)").allTextContents())
    .toEqual(Array(14).fill("200"));
  await page.getByRole("button", { name: "London: show the response as it came" }).click();
  const answer = page.locator(".answer pre");
  expect(await answer.textContent()).toMatch(/^HTTP\/1\.1 200 OK/);
  expect(await answer.locator("mark").allTextContents()).toEqual(["x-edge-route: ams1"]);
  expect(await page.locator('.cities tbody tr[class*="chosen"] th').textContent()).toBe("London");
});

test("load is turned on and off, and counts what it sends", async () => {
  await page.getByRole("combobox").selectOption("50");
  await page.getByRole("button", { name: "Start load" }).click();
  const sent = page.locator(".counts > div:nth-child(2) dd");
  await expect
    .poll(async () => Number((await sent.textContent())?.replaceAll(/\D/g, "")), { timeout: 20_000 })
    .toBeGreaterThan(20);
  await expect.poll(() => page.locator(".latency .p50").last().getAttribute("d")).toMatch(/^M/);
  expect(await page.locator(".counts > div:last-child dd").textContent()).toMatch(/%$/);
  await page.getByRole("button", { name: "Stop load" }).click();
  await page.getByRole("button", { name: "Start load" }).waitFor();
});

test("the nodes of a site: pid, processor, memory, log, as long as they live", async () => {
  await site(page, "syd1").click();
  const card = page.getByRole("article", { name: "syd1-1" });
  await expect
    .poll(() => card.locator("dl").textContent(), { timeout: 15_000 })
    .toMatch(/pid\d+CPU\d+ %memory\d+ MB/);
  expect(await card.locator("pre").textContent()).toMatch(/announces/);
  const pid = await card.locator("dd").first().textContent();
  expect(demo.command("status", "--json")).toContain(`"pid": ${pid}`);
});

/** Sites of their own, so that one way does not wait for another's return. */
const TARGETS: Readonly<Record<FaultHow, string>> = {
  shutdown: "ams1",
  kill: "ny1",
  hang: "syd1",
  isolate: "ctu1",
  "bgp-cut": "wuh1",
};

test.each(FAULT_HOWS)("%s of a site, in two steps, and back", async (how) => {
  const target = TARGETS[how];
  await pull(target, how);
  await page.locator(`.story li.fault`, { hasText: `${how} ${target}` }).waitFor();
  await site(page, target).click();
  const card = page.getByRole("article", { name: `${target}-1` });
  await card.getByText(`under "${how}"`).waitFor();
  await expectSite(page, target, / 0 of 2 nodes well$/);
  await expectSite(page, target, /: withdrawn, /);
  expect(await page.locator(".story li.withdrawn").first().textContent()).toContain(`${target} withdrawn`);
  expect(await page.locator(".figures dd").nth(1).textContent()).toMatch(/m?s$/);
  await revive(target);
  await page.locator(".story li.failback").first().waitFor();
});

test("New York falls to Los Angeles, and the table says by how much", async () => {
  await runTest();
  await pull("ny1", "kill");
  await page.locator(".story li.moved", { hasText: "la1" }).waitFor();
  await runTest();
  const row = page.locator(".cities tbody tr", { hasText: "New York" });
  await expect.poll(() => row.locator(".site-code").textContent()).toBe("la1");
  expect(await row.getAttribute("class")).toContain("moved");
  const delta = Number((await row.locator(".delta").textContent())!.replace("+", ""));
  expect(delta).toBeGreaterThan(100);
  expect(await page.locator(".map .arc.away").count()).toBe(1);
  await revive("ny1");
  await expect.poll(() => page.locator(".map .arc.away").count()).toBe(0);
});

test("drain asks to be avoided, reset puts everything back", async () => {
  await choose("hkg1", "kill");
  await page.getByRole("button", { name: "Drain hkg1" }).click();
  await page.locator(".story li.graceful", { hasText: "hkg1" }).waitFor();
  await page.locator(".story li.withdrawn", { hasText: "hkg1" }).waitFor();
  await page.getByRole("button", { name: "Reset all" }).click();
  await page.getByText("Reset all: done").waitFor({ timeout: 40_000 });
  await expectSite(page, "hkg1", /: announced, 2 of 2/);
  expect(await page.locator(".story li.reset").count()).toBe(1);
});

test("one node fails and no city moves", async () => {
  await page.locator('.kill input[name="site"][value="la1"]').check();
  await page.locator('.kill input[name="node"][value="la1-2"]').check();
  await page.getByRole("button", { name: "Arm", exact: true }).click();
  await page.getByRole("button", { name: "Confirm: kill la1-2" }).click();
  await expectSite(page, "la1", /: announced, 1 of 2 nodes well$/);
  expect(await page.locator(".story li.moved").count()).toBe(0);
  await page.getByRole("button", { name: "Revive la1-2" }).click();
  await expectSite(page, "la1", /: announced, 2 of 2/);
});

test("by keys alone: arm, change one's mind, arm again, confirm", async () => {
  const focused = (): Promise<string> =>
    page.evaluate(
      () => document.activeElement?.textContent ?? document.activeElement?.getAttribute("aria-label") ?? "",
    );
  await page.locator('.kill input[name="site"][value="szx1"]').focus();
  await page.locator('.kill input[name="site"][value="ny1"]').check();
  await page.evaluate(() => (document.activeElement as HTMLElement).blur());
  for (let presses = 0; presses < 80 && (await focused()) !== "Arm"; presses++) {
    await page.keyboard.press("Tab");
    expect(await isFocusSeen(page)).toBe(true);
  }
  await page.keyboard.press("Enter");
  await expect.poll(focused).toBe("Confirm: kill ny1");
  await page.keyboard.press("Escape");
  await expect.poll(focused).toBe("Arm");
  await page.keyboard.press("Enter");
  await expect.poll(focused).toBe("Confirm: kill ny1");
  await page.keyboard.press("Enter");
  await expectSite(page, "ny1", / 0 of 2 nodes well$/);
  await revive("ny1");
});

test("whatever is chosen anew disarms, also when the first choice is chosen again", async () => {
  await choose("ny1", "kill");
  const arm = page.getByRole("button", { name: "Arm", exact: true });
  await arm.click();
  await page.getByRole("button", { name: "Confirm: kill ny1" }).waitFor();
  await choose("la1", "kill");
  await arm.waitFor();
  await choose("ny1", "kill");
  // Drawn in the same pass as the buttons.
  await page.locator(".kill .command", { hasText: "kill ny1 --how kill" }).waitFor();
  expect(await page.getByRole("button", { name: /^Confirm/ }).count()).toBe(0);
  await expectSite(page, "ny1", / 2 of 2 nodes well$/);
});

/** The element with focus, or the one that stands for it, is drawn with an outline or a ring. */
function isFocusSeen(it: Page): Promise<boolean> {
  return it.evaluate(() => {
    const element = document.activeElement!;
    const shown = [element, element.closest(".chip"), element.querySelector(".hit")];
    return shown.some((candidate) => {
      if (candidate === null) return false;
      const { outlineStyle, stroke } = getComputedStyle(candidate);
      return outlineStyle !== "none" || (candidate.matches(".hit") && stroke !== "none");
    });
  });
}

test("a site on the map is chosen by key", async () => {
  await site(page, "hgh1").focus();
  await page.keyboard.press("Enter");
  await expect.poll(() => site(page, "hgh1").getAttribute("aria-pressed")).toBe("true");
  await page.getByRole("heading", { name: "Nodes of hgh1" }).waitFor();
});

test("language and light are kept", async () => {
  await page.getByRole("button", { name: "中文" }).click();
  await page.getByRole("heading", { name: "谁在为谁服务" }).waitFor();
  await page.getByRole("button", { name: "深色或浅色" }).click();
  await page.reload();
  await page.getByRole("heading", { name: "谁在为谁服务" }).waitFor();
  expect(
    await page.evaluate(() => [document.documentElement.lang, document.documentElement.dataset["theme"]]),
  ).toEqual(["zh-CN", "light"]);
});

test("the command beside a part is copied", async () => {
  await watched.context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await choose("ny1", "hang");
  await page.locator(".kill .command").click();
  await page.locator(".kill .command", { hasText: "copied" }).waitFor();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe("npx anycastle kill ny1 --how hang");
});
