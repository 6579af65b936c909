/**
 * A page whose every misstep is written down: console messages, errors, violations of its policy, requests that leave
 * the lab. A test says at its end that there were none.
 */
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { expect } from "vitest";

export const SCREEN = { width: 1920, height: 1080 };
export const PHONE = { width: 390, height: 844 };

export interface WatchedPage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What went wrong so far; empties the list. */
  missteps(): Promise<string[]>;
  close(): Promise<void>;
}

export async function openPage(
  browser: Browser,
  link: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const { origin } = new URL(link);
  const context = await browser.newContext({
    viewport: SCREEN,
    locale: "en-US",
    colorScheme: "dark",
    ...options,
  });
  const page = await context.newPage();
  const found: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") found.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => found.push(`error: ${error.message}`));
  context.on("request", (request) => {
    if (new URL(request.url()).origin !== origin) found.push(`request to ${request.url()}`);
  });
  await context.exposeFunction("tellViolation", (text: string) => found.push(`policy: ${text}`));
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      const { tellViolation } = globalThis as unknown as { tellViolation: (text: string) => void };
      tellViolation(`${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  await page.goto(link);
  return {
    page,
    context,
    async missteps() {
      // A round trip through the page: what it has said before that has arrived.
      await page.evaluate(() => undefined);
      return found.splice(0);
    },
    close: () => context.close(),
  };
}

export async function untilWhole(page: Page): Promise<void> {
  await page.locator(".condition.ok").waitFor({ timeout: 60_000 });
}

/** Site as the map names it to those who do not see it. */
export function site(page: Page, code: string): ReturnType<Page["locator"]> {
  return page.locator(`.map [data-site="${code}"]`);
}

export async function expectSite(page: Page, code: string, label: RegExp): Promise<void> {
  await expect.poll(() => site(page, code).getAttribute("aria-label"), { timeout: 40_000 }).toMatch(label);
}
