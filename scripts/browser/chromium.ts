/** The system's Chromium, driven by playwright-core, which brings no browser of its own. */
import { existsSync } from "node:fs";
import { chromium, type Browser } from "playwright-core";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const LAUNCH_MS_MAX = 60_000;

const NO_CHROMIUM = "no Chromium in /usr/bin (on Debian: apt-get install chromium)";

/** What a test says that is left out for want of a browser. In CI nothing may be left out: it throws. */
export function whyNoChromium(): string | undefined {
  if (findChromium() !== undefined) return undefined;
  if (process.env["CI"] !== undefined) throw new Error(NO_CHROMIUM);
  return NO_CHROMIUM;
}

/** Undefined: it is not installed. */
function findChromium(): string | undefined {
  return PLACES.find((place) => existsSync(place));
}

/** Throws when it is not installed. */
export function launchChromium(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error(NO_CHROMIUM);
  // Root has no sandbox to give; a small /dev/shm is common in containers.
  const args = [
    "--disable-gpu",
    "--disable-dev-shm-usage",
    ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
  ];
  return chromium.launch({ executablePath, args, timeout: LAUNCH_MS_MAX });
}
