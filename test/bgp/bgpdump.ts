/** Debian's `bgpdump` (RIPE NCC), which reads what route collectors write. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";

const PROGRAM = "/usr/bin/bgpdump";

/** What a test says that is left out for want of it. */
export function whyNoBgpdump(): string | undefined {
  return existsSync(PROGRAM) ? undefined : "no bgpdump in /usr/bin (on Debian: apt-get install bgpdump)";
}

/** One line a route or withdrawal, fields separated by `|`, times in Unix seconds. */
export function bgpdump(file: string): string[] {
  return execFileSync(PROGRAM, ["-m", file], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })
    .trim()
    .split("\n");
}
