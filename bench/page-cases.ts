/**
 * How long it takes until somebody who watches sees a kill.
 *
 *   page.kill_to_pixels_ms  from the order to kill both nodes of a site (the journal's fault) until the frame after the
 *                           one in which the map draws that site as dead, in a real Chromium at 1920x1080, under load
 *
 * The page is the product's own; a script beside it watches the site's mark. Times of page and journal meet on the
 * host's wall clock, which both read within a millisecond of each other.
 */
import { nowNs, sleep } from "#core/host/clock.ts";
import { Prng } from "#core/prng.ts";
import { launchChromium, whyNoChromium } from "../scripts/browser/chromium.ts";
import type { Lab } from "#lab/lab.ts";
import { startBenchLab } from "./bench-lab.ts";
import { ForeignLoad } from "./foreign-load.ts";
import { benchResult, type BenchResult } from "./results.ts";
import { SteadyLoad } from "./steady-load.ts";

const NS_PER_MS = 1e6;
const SITE = "ny1";
const VANTAGE = "new-york";
const RATE_PER_S = 200;
const VIEWPORT = { width: 1920, height: 1080 };
/** A kill comes this long after the site is whole again, plus a random part of a frame and of the page's own pace. */
const SETTLE_MS = 500;
const PHASE_MS = 100;

/** Resolves with wall-clock ms; the second frame begins when the first has been handed to the screen. */
const SEE_DEATH = `new Promise((resolve) => {
  const mark = document.querySelector('.map [data-site="${SITE}"]');
  const observer = new MutationObserver(() => {
    if (!mark.classList.contains("dead")) return;
    observer.disconnect();
    requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.timeOrigin + performance.now())));
  });
  observer.observe(mark, { attributes: true });
})`;
const WHOLE = `.map [data-site="${SITE}"][aria-label*="2 of 2"]`;

export async function pixelTimes(
  directory: string,
  count: number,
  say: (line: string) => void,
): Promise<BenchResult[]> {
  const missing = whyNoChromium();
  if (missing !== undefined) {
    say(`page: skipped: ${missing}`);
    return [];
  }
  const browser = await launchChromium();
  let lab: Lab | undefined;
  const noise = new ForeignLoad();
  const phase = new Prng(1).fork("bench/page");
  const samples: number[] = [];
  let load: SteadyLoad | undefined;
  try {
    lab = await startBenchLab(directory);
    await lab.untilReady();
    const page = await browser.newPage({ viewport: VIEWPORT });
    await page.goto(lab.controlUrl);
    load = new SteadyLoad(lab.gatewayUrl, VANTAGE, RATE_PER_S);
    for (let index = 0; index < count; index++) {
      await page.locator(WHOLE).waitFor();
      await sleep(SETTLE_MS + phase.integer(0, PHASE_MS));
      const seen = page.evaluate<number>(SEE_DEATH);
      seen.catch(() => undefined); // Should the order fail, nobody waits for it.
      // The script is in place when a later one has run.
      await page.evaluate("0");
      const { atNs } = await lab.fail({ target: SITE, how: "kill" });
      samples.push((await seen) - wallMsOf(atNs));
      await lab.revive({ target: SITE });
      noise.touch();
      say(`page: ${index + 1} of ${count}`);
    }
  } finally {
    load?.stop();
    await browser.close();
    await lab?.stop("the benchmark has what it wants", "now");
  }
  return [
    benchResult("page.kill_to_pixels_ms", "ms", samples, {
      target: SITE,
      how: "kill",
      load: `${RATE_PER_S} GET/s from ${VANTAGE}, open loop`,
      browser: `Chromium ${browser.version()}, software rendering, ${VIEWPORT.width}x${VIEWPORT.height}`,
      until: "start of the frame after the one that draws the site as dead",
      foreignCores: noise.cores(say),
    }),
  ];
}

/** A moment of the journal on the wall clock. */
function wallMsOf(atNs: number): number {
  const agoMs = (nowNs() - atNs) / NS_PER_MS;
  return performance.timeOrigin + performance.now() - agoMs;
}
