/**
 * `k6 run loadtest/k6/golden.ts`: every city at its share of one fixed rate, as in the golden scenario. Break something
 * in another terminal while it runs. Settings: lib/settings.ts.
 */
import http from "k6/http";
import { k6Options } from "./lib/options.ts";
import { readSettings } from "./lib/settings.ts";
import { summaryFiles, type K6Data } from "./lib/summary.ts";
import { visit } from "./lib/visit.ts";

const settings = readSettings("golden", __ENV);

// Whatever is not a 200 has failed, redirections too.
http.setResponseCallback(http.expectedStatuses(200));

export const options = k6Options(settings);

export default function (): void {
  visit(settings);
}

export function handleSummary(data: K6Data): Record<string, string> {
  return summaryFiles(data, settings);
}
