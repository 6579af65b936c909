/**
 * `k6 run loadtest/k6/ramp.ts`: five equal steps up to the rate, to see from which on answers get slower. Settings:
 * lib/settings.ts.
 */
import http from "k6/http";
import { k6Options } from "./lib/options.ts";
import { readSettings } from "./lib/settings.ts";
import { summaryFiles, type K6Data } from "./lib/summary.ts";
import { visit } from "./lib/visit.ts";

const settings = readSettings("ramp", __ENV);

// Whatever is not a 200 has failed, redirections too.
http.setResponseCallback(http.expectedStatuses(200));

export const options = k6Options(settings);

export default function (): void {
  visit(settings);
}

export function handleSummary(data: K6Data): Record<string, string> {
  return summaryFiles(data, settings);
}
