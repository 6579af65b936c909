/**
 * The block `{name: anycastle}` of an experiment's `extensions`, which Chaos Toolkit leaves to vendors: how far a drill
 * may reach, when it must stop, how it is loaded and what is expected. Files that carry it stay valid upstream.
 *
 * Keys that end in `Ms` are whole milliseconds; keys without a unit take a duration (`30s`, `250ms`, `1m30s`), which is
 * parsed here, once. Unknown keys are errors. The defaults are the narrowest drill: one target in one region.
 */
import { z } from "zod";
import { durationMs } from "./duration.ts";

export const EXTENSION_NAME = "anycastle";

/** A day: a longer drill is a typing error. */
const DURATION_MS_MAX = 86_400_000;
const STAGES_MAX = 20;
const STOP_CONDITIONS_MAX = 32;

const DURATION_WANTED = "expected a duration above 0 and at most 24h, such as 250ms, 30s or 1m30s";

const duration = z.string(DURATION_WANTED).transform((text, context) => {
  const ms = durationMs(text);
  if (ms !== undefined && ms > 0 && ms <= DURATION_MS_MAX) return ms;
  context.addIssue(DURATION_WANTED);
  return z.NEVER;
});

const ms = z.int().positive().max(DURATION_MS_MAX);
const ratio = z.number().gt(0).lte(1);
const name = z.string().min(1).max(200);

const blastRadius = z
  .strictObject({
    /** `all` only with `override`. */
    mode: z.enum(["one", "fixed", "percent", "all"]).default("one"),
    /** How many targets (`fixed`), or percent of them, rounded down but at least one (`percent`). */
    value: z.int().positive().max(1_000).optional(),
    maxRegions: z.int().positive().max(1_000).default(1),
    /** Share of the traffic that the targets may carry at the start. Absent: no cap. */
    maxTrafficShare: ratio.optional(),
    /** Why everything may be hit at once; the report shows it. */
    override: name.optional(),
  })
  .superRefine(({ mode, value, override }, context) => {
    const isCounted = mode === "fixed" || mode === "percent";
    if (isCounted && value === undefined) {
      const message = `mode "${mode}" needs "value": how many, or percent of them`;
      context.addIssue({ code: "custom", path: ["mode"], message });
    } else if (!isCounted && value !== undefined && !(mode === "one" && value === 1)) {
      context.addIssue({ code: "custom", path: ["value"], message: `mode "${mode}" takes no value` });
    }
    if (mode === "percent" && value !== undefined && value > 100) {
      context.addIssue({ code: "custom", path: ["value"], message: "expected 1 to 100 percent" });
    }
    if (mode === "all" && override === undefined) {
      const message = 'mode "all" needs override: "why everything may be hit at once"';
      context.addIssue({ code: "custom", path: ["mode"], message });
    }
  });

const stopCondition = z.discriminatedUnion("source", [
  /** Above this burn rate over the window. */
  z.strictObject({
    source: z.literal("slo-burn-rate"),
    slo: name,
    window: duration,
    above: z.number().positive(),
  }),
  /** A probe of the hypothesis, polled as `probes` says, out of tolerance so many times running. */
  z.strictObject({
    source: z.literal("probe"),
    ref: name,
    consecutiveFailures: z.int().positive().max(1_000).default(1),
  }),
  /** The variable cohort worse than the control by more than `maxDelta`, once both have `minSamples`. */
  z.strictObject({
    source: z.literal("control-variable"),
    metric: z.enum(["error_ratio", "latency_p99_ms"]),
    maxDelta: z.number().positive(),
    minSamples: z.int().positive().default(200),
  }),
]);

/** Litmus' probe modes, by its names: before, after, both, polled from before to after, polled while a fault is in force. */
const probePolicy = z.strictObject({
  mode: z.enum(["SOT", "EOT", "Edge", "Continuous", "OnChaos"]).default("Edge"),
  pollMs: ms.default(1_000),
  timeoutMs: ms.default(1_000),
  /** Further tries after a failed one. */
  retry: z.int().min(0).max(100).default(0),
  /** Between two tries. */
  intervalMs: ms.default(100),
  initialDelayMs: z.int().min(0).max(DURATION_MS_MAX).default(0),
  stopOnFailure: z.boolean().default(false),
});

const stage = z.strictObject({ intensity: ratio, hold: duration });

const load = z.strictObject({
  /** Requests a second over all vantages, due at fixed times whatever the answers do. */
  rate: z.number().positive().max(1_000_000),
  duration,
  /** Share of requests on kept connections; the others open one each. */
  keepAlive: z.number().min(0).max(1).default(0.5),
  vantages: z.array(name).min(1).max(1_000).optional(),
});

const cohorts = z.strictObject({
  /** Share of the traffic in each of the two cohorts, control and variable. */
  share: z.number().gt(0).lte(0.5),
});

const expectation = z.strictObject({
  maxFailed: z.int().min(0).optional(),
  maxErrorRatio: z.number().min(0).max(1).optional(),
  p99Ms: ms.optional(),
  mttdMs: ms.optional(),
  rerouteMs: ms.optional(),
  recoveryMs: ms.optional(),
  failbackMs: ms.optional(),
});

/** Five fields of cron, one of its nicknames, or `@every` and a duration. */
const CRON = /^(?:@(?:yearly|annually|monthly|weekly|daily|midnight|hourly)|@every\s+\S+|(?:\S+\s+){4}\S+)$/;
const CRON_FIELD =
  /^(?:\*|[0-9a-z]+(?:-[0-9a-z]+)?)(?:\/\d+)?(?:,(?:\*|[0-9a-z]+(?:-[0-9a-z]+)?)(?:\/\d+)?)*$/i;

const schedule = z.strictObject({
  cron: z.string().max(200).refine(isCron, {
    message: 'expected five fields of cron ("0 2 * * 1"), a nickname ("@hourly") or "@every 2m"',
  }),
  /** What happens when one is due and the last still runs. */
  concurrency: z.enum(["forbid", "allow"]).default("forbid"),
  historyLimit: z.int().positive().max(10_000).default(100),
});

export const planSchema = z
  .strictObject({
    name: z.literal(EXTENSION_NAME),
    blastRadius: blastRadius.default({ mode: "one", maxRegions: 1 }),
    stopConditions: z.array(stopCondition).max(STOP_CONDITIONS_MAX).default([]),
    /** By name of a probe of the hypothesis. */
    probes: z.record(name, probePolicy).default({}),
    /** For faults of foreign Chaos Toolkit drivers, which have no end of their own. */
    foreignTtl: duration.optional(),
    stages: z.array(stage).max(STAGES_MAX).default([]),
    load: load.optional(),
    cohorts: cohorts.optional(),
    expect: expectation.default({}),
    schedule: schedule.optional(),
  })
  .superRefine(({ stopConditions, cohorts }, context) => {
    for (const [index, { source }] of stopConditions.entries()) {
      if (source !== "control-variable" || cohorts !== undefined) continue;
      const message = 'a stop condition "control-variable" needs "cohorts: {share: 0.05}"';
      context.addIssue({ code: "custom", path: ["stopConditions", index, "source"], message });
    }
  });

export type DrillPlan = Readonly<z.output<typeof planSchema>>;
export type BlastRadius = DrillPlan["blastRadius"];
export type ProbePolicy = DrillPlan["probes"][string];
export type Schedule = NonNullable<DrillPlan["schedule"]>;

function isCron(text: string): boolean {
  if (!CRON.test(text)) return false;
  if (text.startsWith("@every")) {
    const everyMs = durationMs(text.slice("@every".length).trim());
    return everyMs !== undefined && everyMs > 0;
  }
  return text.startsWith("@") || text.split(/\s+/).every((field) => CRON_FIELD.test(field));
}
