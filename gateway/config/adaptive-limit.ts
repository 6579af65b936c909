/** `admission.adaptive`: how many requests may be under way follows from what the nodes take. */
import { z } from "zod";
import type { AdaptiveOptions } from "../admission/create-limit.ts";
import { LIMIT_ALGORITHMS } from "../admission/concurrency-limit.ts";

/** Where `admission.activeMax` sets none (Envoy's `max_concurrency_limit`). */
const ACTIVE_MAX_DEFAULT = 1_000;

const ms = (min: number, max: number) => z.int().min(min).max(max);
const active = z.int().min(1).max(1_000_000);

export const adaptiveSchema = z.strictObject({
  algorithm: z
    .enum(LIMIT_ALGORITHMS)
    .default("off")
    .describe(
      "`gradient`: as many as keep the nodes busy, by what they take without a queue. `aimd`: as many as are answered within `latencyMaxMs`. Of requests without a response head; `admission.activeMax` bounds all that is under way, and this where it is not 0, 1,000 otherwise.",
    ),
  activeMin: active.default(4).describe("The limit never falls below this."),
  activeInitial: active.default(20).describe("The limit at first; rather too low: it grows fast."),
  windowMs: ms(50, 10_000).default(250).describe("Answers are judged together: those of so long at least,"),
  samplesMin: z.int().min(10).max(512).default(100).describe("... and so many of them at least."),
  tolerance: z
    .number()
    .min(1.1)
    .max(10)
    .default(1.5)
    .describe(
      "`gradient`: the median may be this many times what it is without a queue before the limit falls.",
    ),
  measureIntervalMs: ms(1_000, 3_600_000)
    .default(30_000)
    .describe(
      "`gradient`: so often that is measured, with half of the requests, while more than half of the limit is in use. At the same moments of the clock in all gateways: give them the same.",
    ),
  latencyMaxMs: ms(1, 600_000)
    .default(1_000)
    .describe("`aimd`: more than one answer in ten that takes longer, or does not come, is too much."),
});

type Section = z.output<typeof adaptiveSchema>;

/** `activeMax`: of `admission`. */
export function completeAdaptive(section: Section, activeMax: number): AdaptiveOptions {
  return { ...section, activeMax: activeMax === 0 ? ACTIVE_MAX_DEFAULT : activeMax };
}

/** What is wrong across its keys, if anything. */
export function adaptiveIssue(
  section: Section,
  activeMax: number,
): { readonly key: string; readonly message: string } | undefined {
  if (section.algorithm === "off") return undefined;
  const { activeInitial, activeMin, activeMax: most } = completeAdaptive(section, activeMax);
  if (activeMin > most)
    return {
      key: "activeMin",
      message: `${activeMin} is above the most, ${most} (\`admission.activeMax\`): give less, or raise that`,
    };
  if (activeInitial >= activeMin && activeInitial <= most) return undefined;
  return {
    key: "activeInitial",
    message: `${activeInitial} is not in ${activeMin}..${most}: give one of those`,
  };
}
