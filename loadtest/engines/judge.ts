/** Objectives held against what an engine measured, and the verdict over several engines. */
import type { EngineResult, ObjectiveResult } from "#core/wire/engine-result.ts";
import { formatMs, formatPercent } from "../report/format.ts";
import type { Objectives } from "./objectives.ts";

export function judgeObjectives(
  measured: { readonly sent: number; readonly failed: number; readonly p99Ms: number | null },
  { failedRatioMax, p99MsMax }: Objectives,
): ObjectiveResult[] {
  const { sent, failed, p99Ms } = measured;
  return [
    {
      name: "failed requests",
      isMet: sent > 0 && failed / sent <= failedRatioMax,
      expected: failedRatioMax === 0 ? "none" : `at most ${formatPercent(failedRatioMax)}`,
      measured: `${failed} of ${sent}`,
    },
    {
      name: "p99",
      isMet: p99Ms !== null && p99Ms <= p99MsMax,
      expected: `at most ${p99MsMax} ms`,
      measured: p99Ms === null ? "no answer at all" : `${formatMs(p99Ms)} ms`,
    },
  ];
}

/** Void outweighs missed: what was not measured properly says nothing about the service. */
export function verdictOver(
  results: readonly Pick<EngineResult, "isVoid" | "objectives">[],
): "held" | "missed" | "void" {
  if (results.length === 0 || results.some(({ isVoid }) => isVoid)) return "void";
  return results.every(({ objectives }) => objectives.every(({ isMet }) => isMet)) ? "held" : "missed";
}
