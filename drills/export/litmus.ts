/**
 * An experiment as a Litmus ChaosEngine: each fault one of Litmus' pod experiments with its environment, and the HTTP
 * probes of the hypothesis with the modes of the plan. Litmus counts in seconds and in percent of the pods; an empty
 * percentage is one pod.
 *
 * Only probes that ask an address for a status can go: Litmus judges bodies by commands, which an exporter does not write.
 */
import type { Experiment, FaultOrder, HttpCall, Probe } from "../experiment/experiment.ts";
import type { JsonObject } from "../experiment/json.ts";
import { durationText } from "../experiment/duration.ts";
import { planSchema, type BlastRadius, type ProbePolicy } from "../experiment/plan.ts";
import { namesIn, substitute } from "../experiment/template.ts";
import {
  attribute,
  labelsOf,
  linkOf,
  memoryMb,
  manifestName,
  type ExportOptions,
  type ManifestExport,
} from "./manifest.ts";

const API_VERSION = "litmuschaos.io/v1alpha1";
const MS_PER_SECOND = 1_000;
const PERCENT = 100;

export interface LitmusOptions extends ExportOptions {
  /** Of the pods that run the experiment. */
  readonly serviceAccount: string;
}

export function exportLitmus(experiment: Experiment, options: LitmusOptions): ManifestExport {
  const notes: string[] = [];
  const unsupported: ManifestExport["unsupported"][number][] = [];
  const probes = experiment.hypothesis.probes.flatMap((probe) => probeOf(probe, experiment, notes));
  const documents: JsonObject[] = [];
  for (const fault of experiment.faults) {
    const translate = Object.hasOwn(EXPERIMENTS, fault.kind) ? EXPERIMENTS[fault.kind] : undefined;
    const translated = translate?.(fault);
    if (translated === undefined) {
      unsupported.push({ faultId: fault.id, kind: fault.kind, why: "Litmus has no such experiment" });
      continue;
    }
    documents.push(engineOf(fault, translated, probes, experiment, options));
    if (fault.intensity !== 1) notes.push(`${fault.id}: its intensity of ${fault.intensity} is not exported`);
  }
  const { blastRadius, schedule } = experiment.plan;
  if (blastRadius.mode === "fixed") notes.push("Litmus has no fixed number of pods: one is hit");
  if (blastRadius.override !== undefined) notes.push(`all targets may be hit: ${blastRadius.override}`);
  if (schedule !== undefined)
    notes.push(`the schedule ${schedule.cron} is not exported: Litmus puts it into a workflow`);
  return { documents, notes, unsupported };
}

interface Translated {
  readonly experiment: string;
  readonly env: Readonly<Record<string, string | number>>;
}

function engineOf(
  fault: FaultOrder,
  { experiment: name, env }: Translated,
  probe: readonly JsonObject[],
  { title, plan }: Experiment,
  { namespace, serviceAccount }: LitmusOptions,
): JsonObject {
  const target = linkOf(fault.target)?.[0] ?? fault.target;
  const labels = Object.entries(labelsOf(target)).map(([key, value]) => `${key}=${value}`);
  const whole = {
    TOTAL_CHAOS_DURATION: seconds(fault.ttlMs),
    PODS_AFFECTED_PERC: affected(plan.blastRadius),
    ...env,
  };
  return {
    apiVersion: API_VERSION,
    kind: "ChaosEngine",
    metadata: { name: manifestName(fault.id), namespace, annotations: { "anycastle/experiment": title } },
    spec: {
      engineState: "active",
      annotationCheck: "false",
      appinfo: { appns: namespace, applabel: labels.join(","), appkind: "deployment" },
      chaosServiceAccount: serviceAccount,
      jobCleanUpPolicy: "delete",
      experiments: [
        {
          name,
          spec: {
            components: {
              env: Object.entries(whole).map(([key, value]) => ({ name: key, value: String(value) })),
            },
            ...(probe.length === 0 ? {} : { probe }),
          },
        },
      ],
    },
  };
}

/** At least one; a fraction would be an interval of 0. */
function seconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / MS_PER_SECOND));
}

function affected({ mode, value }: BlastRadius): string {
  if (mode === "all") return "100";
  return mode === "percent" ? String(value) : "";
}

const EXPERIMENTS: Readonly<Record<string, (fault: FaultOrder) => Translated | undefined>> = {
  service_crash: (fault) => podDelete(fault, true),
  node_stop: (fault) => podDelete(fault, false),
  network_delay: (fault) => ({
    experiment: "pod-network-latency",
    env: { NETWORK_LATENCY: attribute(fault, "latencyMs", 100), JITTER: attribute(fault, "jitterMs", 0) },
  }),
  loss: (fault) => networkLoss(attribute(fault, "ratio", 0.1)),
  blackhole: () => networkLoss(1),
  partition: (fault) => {
    const link = linkOf(fault.target);
    if (link === undefined) return undefined;
    const { direction } = fault.attributes;
    const types = direction === "to" ? "egress" : direction === "from" ? "ingress" : "all";
    return { experiment: "pod-network-partition", env: { DESTINATION_HOSTS: link[1], POLICY_TYPES: types } };
  },
  cpu_stress: (fault) => ({
    experiment: "pod-cpu-hog",
    env: { CPU_CORES: attribute(fault, "workers", 1), CPU_LOAD: attribute(fault, "loadPercent", 80) },
  }),
  memory_leak: (fault) => ({
    experiment: "pod-memory-hog",
    env: { NUMBER_OF_WORKERS: attribute(fault, "workers", 1), MEMORY_CONSUMPTION: memoryMb(fault) },
  }),
  http_error: (fault) => ({
    experiment: "pod-http-status-code",
    env: {
      STATUS_CODE: attribute(fault, "status", 503),
      TOXICITY: attribute(fault, "ratio", 1) * PERCENT,
      TARGET_SERVICE_PORT: attribute(fault, "port", 80),
    },
  }),
  reset: (fault) => ({
    experiment: "pod-http-reset-peer",
    env: {
      RESET_TIMEOUT: attribute(fault, "timeoutMs", 0),
      TARGET_SERVICE_PORT: attribute(fault, "port", 80),
    },
  }),
};

function podDelete(fault: FaultOrder, isForced: boolean): Translated {
  // Once: a pod that is deleted again and again is another experiment.
  return { experiment: "pod-delete", env: { CHAOS_INTERVAL: seconds(fault.ttlMs), FORCE: String(isForced) } };
}

function networkLoss(ratio: number): Translated {
  return {
    experiment: "pod-network-loss",
    env: { NETWORK_PACKET_LOSS_PERCENTAGE: Math.round(ratio * PERCENT) },
  };
}

function probeOf(probe: Probe, experiment: Experiment, notes: string[]): JsonObject[] {
  const criteria = criteriaOf(probe);
  const url = probe.call.type === "http" ? addressOf(probe.call, experiment) : undefined;
  if (criteria === undefined || url === undefined) {
    notes.push(
      `the probe "${probe.name}" is not exported: Litmus takes a GET of a known address and a status`,
    );
    return [];
  }
  const policy = experiment.plan.probes[probe.name] ?? DEFAULT_POLICY;
  return [
    {
      name: manifestName(probe.name),
      type: "httpProbe",
      mode: policy.mode,
      "httpProbe/inputs": { url, method: { get: criteria } },
      runProperties: {
        probeTimeout: durationText(policy.timeoutMs),
        interval: durationText(policy.intervalMs),
        retry: policy.retry,
        probePollingInterval: durationText(policy.pollMs),
        initialDelay: durationText(policy.initialDelayMs),
        stopOnFailure: policy.stopOnFailure,
      },
    },
  ];
}

/** What a probe gets whose mode nobody chose. */
const DEFAULT_POLICY: ProbePolicy = planSchema.parse({ name: "anycastle", probes: { any: {} } }).probes[
  "any"
]!;

function criteriaOf({ tolerance, call }: Probe): JsonObject | undefined {
  if (call.type !== "http" || call.method !== "GET" || call.arguments !== null) return undefined;
  if (tolerance.type === "scalar" && typeof tolerance.value === "number") {
    return { criteria: "==", responseCode: String(tolerance.value) };
  }
  const isStatusList = tolerance.type === "list" && tolerance.values.every((one) => Number.isInteger(one));
  return isStatusList ? { criteria: "oneOf", responseCode: JSON.stringify(tolerance.values) } : undefined;
}

/** With the settings that stand in the file, fallbacks included; an address that only a run knows cannot go. */
function addressOf({ url }: HttpCall, { configuration }: Experiment): string | undefined {
  const address = substitute(url, (name) => {
    const setting = configuration.get(name);
    return setting?.from === "file" ? setting.value : setting?.fallback;
  });
  return typeof address === "string" && namesIn(address).size === 0 ? address : undefined;
}
