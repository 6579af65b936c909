/** Where in the code something is said or thrown, read from the stack: some 10 µs, so for log lines and not for requests. */
import { dirname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { getCallSites } from "node:util";
import type { CodePlace } from "../log-record.ts";

const ROOT = `${pathToFileURL(dirname(dirname(import.meta.dirname))).href}/`;
const FRAMES_MAX = 10;

/** The innermost caller that is not in one of these files (`import.meta.url`), nor in this one. */
export function codePlace(...but: readonly string[]): CodePlace {
  const skipped = [import.meta.url, ...but];
  const site = getCallSites(FRAMES_MAX).find(
    ({ scriptName }) => scriptName.startsWith(ROOT) && !skipped.includes(scriptName),
  );
  return site === undefined ? NOWHERE : placeOf(site.scriptName, site.functionName, site.lineNumber);
}

/** Where it was made, if that is in the project. */
export function errorPlace(error: Error): CodePlace {
  for (const frame of (error.stack ?? "").split("\n")) {
    const [, name = "", url = "", line] =
      /^ +at (?:(?:async |new )*(\S+) .*?\()?(file:.*?):(\d+):\d+\)?$/.exec(frame) ?? [];
    if (url.startsWith(ROOT)) return placeOf(url, name, Number(line));
  }
  return NOWHERE;
}

const NOWHERE: CodePlace = { module: "", function: "", line: 0 };

function placeOf(url: string, name: string, line: number): CodePlace {
  const path = fileURLToPath(url).slice(fileURLToPath(ROOT).length);
  return { module: path.replace(/\.[jt]s$/, ""), function: name, line };
}
