/**
 * What a test of this suite needs of the machine. Without it the test is skipped and says why; for root where CI=true a
 * missing program is a failure instead, because there the suite is run in order to prove something.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import type { TestContext } from "vitest";
import { whyNoNamespaces } from "./namespaces.ts";

/** Debian's package of each program. */
const PACKAGES: Readonly<Record<string, string>> = {
  bird: "bird2",
  birdc: "bird2",
  bgpd: "frr",
  vtysh: "frr",
  gobgpd: "gobgpd",
  gobgp: "gobgpd",
  ip: "iproute2",
  nsenter: "util-linux",
  setpriv: "util-linux",
  ss: "iproute2",
};
/** Where programs stand that are on nobody's path. */
const FOLDERS = ["/usr/sbin", "/usr/lib/frr"];

let namespaces: { readonly why: string | undefined } | undefined;

export function needs(context: TestContext, ...programs: string[]): void {
  const missing = ["ip", "nsenter", "setpriv", ...programs].filter((name) => programPath(name) === undefined);
  if (missing.length > 0) {
    const packages = new Set(missing.map((name) => PACKAGES[name] ?? name));
    const sentence = `no ${missing.join(", ")}: apt-get install ${[...packages].join(" ")}`;
    if (process.env["CI"] === "true" && process.getuid?.() === 0) throw new Error(sentence);
    context.skip(sentence);
  }
  namespaces ??= { why: whyNoNamespaces() };
  if (namespaces.why !== undefined) context.skip(namespaces.why);
}

export function programPath(name: string): string | undefined {
  for (const folder of FOLDERS) if (existsSync(`${folder}/${name}`)) return `${folder}/${name}`;
  try {
    return execFileSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim();
  } catch {
    return undefined;
  }
}
