/**
 * An experiment's faults as Chaos Mesh 2.x objects: PodChaos, NetworkChaos, StressChaos, HTTPChaos, and a `Schedule` around
 * each when the plan has one. Cron stands in that `Schedule` and nowhere else: `scheduler.cron` within a fault is the
 * dead form of 1.x. Every object has a duration and the plan's radius, so that nothing exported runs for ever or hits all
 * pods unless somebody wrote why.
 *
 * What Chaos Mesh does not do as our faults do is said in a note or left out; nothing is translated by guess. The
 * hypothesis, the stop conditions and the load do not go with it.
 */
import { durationText } from "../experiment/duration.ts";
import type { Experiment, FaultOrder } from "../experiment/experiment.ts";
import type { JsonObject } from "../experiment/json.ts";
import type { BlastRadius, Schedule } from "../experiment/plan.ts";
import {
  attribute,
  labelsOf,
  linkOf,
  memoryMb,
  manifestName,
  type ExportOptions,
  type ManifestExport,
} from "./manifest.ts";

const API_VERSION = "chaos-mesh.org/v1alpha1";

type ChaosKind = "PodChaos" | "NetworkChaos" | "StressChaos" | "HTTPChaos";

interface Spec {
  readonly kind: ChaosKind;
  readonly spec: JsonObject;
  readonly note?: string;
}

const PERCENT = 100;
const MB_PER_GB = 1_000;
const HTTP_PORT_DEFAULT = 80;
/** A bucket's queue and burst as Chaos Mesh's own examples have them, bytes. */
const BANDWIDTH_LIMIT = 20_971_520;
const BANDWIDTH_BUFFER = 10_000;

export function exportChaosMesh(experiment: Experiment, { namespace }: ExportOptions): ManifestExport {
  const documents: JsonObject[] = [];
  const notes: string[] = [];
  const unsupported: ManifestExport["unsupported"][number][] = [];
  for (const fault of experiment.faults) {
    const translate = Object.hasOwn(TRANSLATIONS, fault.kind) ? TRANSLATIONS[fault.kind]! : undefined;
    const translated = translate?.(fault, namespace);
    if (translated === undefined) {
      unsupported.push({ faultId: fault.id, kind: fault.kind, why: "Chaos Mesh has no such fault" });
      continue;
    }
    const { kind, spec, note } = translated;
    const radius = radiusOf(experiment.plan.blastRadius);
    const target = linkOf(fault.target)?.[0] ?? fault.target;
    const whole = {
      ...radius,
      selector: selectorOf(target, namespace),
      ...spec,
      duration: durationText(fault.ttlMs),
    };
    documents.push(objectOf(fault, kind, whole, experiment, namespace));
    if (note !== undefined) notes.push(`${fault.id}: ${note}`);
    if (fault.intensity !== 1) notes.push(`${fault.id}: its intensity of ${fault.intensity} is not exported`);
  }
  const { override } = experiment.plan.blastRadius;
  if (override !== undefined) notes.push(`all targets may be hit: ${override}`);
  if (experiment.plan.stages.length > 0) notes.push("stages of intensity are not exported");
  return { documents, notes, unsupported };
}

function objectOf(
  fault: FaultOrder,
  kind: ChaosKind,
  spec: JsonObject,
  experiment: Experiment,
  namespace: string,
): JsonObject {
  const { schedule, blastRadius } = experiment.plan;
  const annotations = {
    "anycastle/experiment": experiment.title,
    ...(blastRadius.override === undefined ? {} : { "anycastle/override": blastRadius.override }),
  };
  const metadata = { name: manifestName(fault.id), namespace, annotations };
  if (schedule === undefined) return { apiVersion: API_VERSION, kind, metadata, spec };
  return { apiVersion: API_VERSION, kind: "Schedule", metadata, spec: scheduled(schedule, kind, spec) };
}

function scheduled(
  { cron, concurrency, historyLimit }: Schedule,
  kind: ChaosKind,
  spec: JsonObject,
): JsonObject {
  return {
    schedule: cron,
    historyLimit,
    concurrencyPolicy: concurrency === "allow" ? "Allow" : "Forbid",
    type: kind,
    [FIELD[kind]]: spec,
  };
}

/** Under which key a `Schedule` holds it. */
const FIELD: Readonly<Record<ChaosKind, string>> = {
  PodChaos: "podChaos",
  NetworkChaos: "networkChaos",
  StressChaos: "stressChaos",
  HTTPChaos: "httpChaos",
};

/** Values are texts there. */
function radiusOf({ mode, value }: BlastRadius): JsonObject {
  if (mode === "fixed") return { mode: "fixed", value: String(value) };
  return mode === "percent" ? { mode: "fixed-percent", value: String(value) } : { mode };
}

function selectorOf(target: string, namespace: string): JsonObject {
  return { namespaces: [namespace], labelSelectors: labelsOf(target) };
}

type Translate = (fault: FaultOrder, namespace: string) => Spec | undefined;

const TRANSLATIONS: Readonly<Record<string, Translate>> = {
  service_crash: () => ({ kind: "PodChaos", spec: { action: "pod-kill", gracePeriod: 0 } }),
  node_stop: (fault) => ({
    kind: "PodChaos",
    spec: { action: "pod-kill", gracePeriod: attribute(fault, "graceS", 30) },
  }),
  network_delay: (fault) => ({
    kind: "NetworkChaos",
    spec: {
      action: "delay",
      delay: {
        latency: durationText(attribute(fault, "latencyMs", 100)),
        jitter: durationText(attribute(fault, "jitterMs", 0)),
        correlation: correlationOf(fault),
      },
    },
  }),
  loss: (fault) => networkLoss(fault, attribute(fault, "ratio", 0.1)),
  blackhole: (fault) => networkLoss(fault, 1),
  bandwidth: (fault) => ({
    kind: "NetworkChaos",
    spec: {
      action: "bandwidth",
      // tc(8): "kbps" are kilobytes a second.
      bandwidth: {
        rate: `${attribute(fault, "rateKBps", 100)}kbps`,
        limit: BANDWIDTH_LIMIT,
        buffer: BANDWIDTH_BUFFER,
      },
    },
  }),
  partition: (fault, namespace) => {
    const link = linkOf(fault.target);
    if (link === undefined) return undefined;
    const { direction } = fault.attributes;
    const isOneWay = direction === "to" || direction === "from";
    const target = { mode: "all", selector: selectorOf(link[1], namespace) };
    return {
      kind: "NetworkChaos",
      spec: { action: "partition", direction: isOneWay ? direction : "both", target },
      note: `the far side of the partition is every pod of ${link[1]}; the radius counts the near side`,
    };
  },
  cpu_stress: (fault) => ({
    kind: "StressChaos",
    spec: {
      stressors: {
        cpu: { workers: attribute(fault, "workers", 1), load: attribute(fault, "loadPercent", 80) },
      },
    },
  }),
  memory_leak: (fault) => ({
    kind: "StressChaos",
    spec: {
      stressors: { memory: { workers: attribute(fault, "workers", 1), size: memorySize(fault) } },
    },
    ...(isMemoryKnown(fault)
      ? {}
      : { note: "1GB kills only a target whose memory limit is below: give limitBytes" }),
  }),
  http_error: (fault) =>
    http(fault, { target: "Response", replace: { code: attribute(fault, "status", 503) } }),
  reset: (fault) => http(fault, { target: "Request", abort: true }),
  upstream_timeout: (fault) =>
    http(fault, { target: "Request", delay: durationText(attribute(fault, "delayMs", 30_000)) }),
};

function networkLoss(fault: FaultOrder, ratio: number): Spec {
  const loss = { loss: percent(ratio), correlation: correlationOf(fault) };
  return { kind: "NetworkChaos", spec: { action: "loss", loss } };
}

/** How much a packet's fate depends on the packet's before it, in percent: not how many packets are hit. */
function correlationOf(fault: FaultOrder): string {
  return String(attribute(fault, "correlationPercent", 0));
}

function percent(ratio: number): string {
  return String(Math.round(ratio * PERCENT * PERCENT) / PERCENT);
}

function isMemoryKnown({ attributes }: FaultOrder): boolean {
  return attributes["sizeBytes"] !== undefined || attributes["limitBytes"] !== undefined;
}

/** In the largest unit that keeps it whole. */
function memorySize(fault: FaultOrder): string {
  const mb = memoryMb(fault);
  return mb % MB_PER_GB === 0 ? `${mb / MB_PER_GB}GB` : `${mb}MB`;
}

function http(fault: FaultOrder, spec: JsonObject): Spec {
  const { path } = fault.attributes;
  const ratio = attribute(fault, "ratio", 1);
  const whole = {
    ...spec,
    port: attribute(fault, "port", HTTP_PORT_DEFAULT),
    path: typeof path === "string" ? path : "*",
  };
  const share = ratio === 1 ? "" : ` and every request, not a share of ${ratio}`;
  return { kind: "HTTPChaos", spec: whole, note: `it reaches new connections only${share}` };
}
