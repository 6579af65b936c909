import { parseAllDocuments } from "yaml";
import { expect, test } from "vitest";
import type { Experiment } from "#drills/experiment/experiment.ts";
import { FAULT_KINDS } from "#drills/experiment/fault-kinds.ts";
import type { Json, JsonObject } from "#drills/experiment/json.ts";
import { readExperiment } from "#drills/experiment/read-experiment.ts";
import { exportChaosMesh } from "#drills/export/chaos-mesh.ts";
import { exportLitmus } from "#drills/export/litmus.ts";
import { labelsOf, manifestName, manifestText } from "#drills/export/manifest.ts";
import { chaosMeshObject, litmusEngine } from "./export-shapes.ts";
import { SAMPLE } from "./sample-experiment.ts";

/** An experiment with one fault and a plan. */
function experimentOf(fault: JsonObject, plan: JsonObject = {}): Experiment {
  const read = readExperiment(SAMPLE, "yaml");
  if (!read.ok) throw new Error("unread");
  const { document } = read.experiment;
  const [kill] = document["method"] as readonly [JsonObject];
  const provider = {
    ...(kill["provider"] as JsonObject),
    arguments: { id: "drill", target: "storefront", ttlMs: 300_000, ...fault },
  };
  const whole = {
    ...document,
    method: [{ ...kill, provider }],
    rollbacks: [],
    extensions: [
      {
        name: "anycastle",
        probes: { "gateway-answers": { mode: "Continuous", pollMs: 500, retry: 1 } },
        ...plan,
      },
    ],
  };
  const result = readExperiment(JSON.stringify(whole), "json");
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.experiment;
}

function meshOf(fault: JsonObject, plan: JsonObject = {}): JsonObject {
  const { documents, unsupported } = exportChaosMesh(experimentOf(fault, plan), { namespace: "production" });
  expect(unsupported).toEqual([]);
  chaosMeshObject.parse(documents[0]);
  return documents[0]!;
}

const PRODUCTION = { namespaces: ["production"], labelSelectors: { app: "storefront" } };

test("the five experiments of the source, with their defects mended", () => {
  // Its cron stood within the fault, which is the dead form of 1.x; two hit all pods, one had no duration.
  const kill = meshOf({ kind: "service_crash", ttlMs: 30_000 }, { schedule: { cron: "@every 2m" } });
  expect(kill["kind"]).toBe("Schedule");
  expect(kill["spec"]).toEqual({
    schedule: "@every 2m",
    historyLimit: 100,
    concurrencyPolicy: "Forbid",
    type: "PodChaos",
    podChaos: { mode: "one", selector: PRODUCTION, action: "pod-kill", gracePeriod: 0, duration: "30s" },
  });
  const attributes = { latencyMs: 300, jitterMs: 50, correlationPercent: 100 };
  expect(meshOf({ kind: "latency", attributes }, { schedule: { cron: "@hourly" } })["spec"]).toMatchObject({
    schedule: "@hourly",
    type: "NetworkChaos",
    networkChaos: {
      mode: "one",
      action: "delay",
      delay: { latency: "300ms", jitter: "50ms", correlation: "100" },
      duration: "5m",
    },
  });
  expect(
    meshOf({
      kind: "partition",
      target: "storefront>postgres-master",
      ttlMs: 180_000,
      attributes: { direction: "to" },
    }),
  ).toMatchObject({
    kind: "NetworkChaos",
    spec: {
      mode: "one",
      selector: PRODUCTION,
      action: "partition",
      direction: "to",
      target: {
        mode: "all",
        selector: { namespaces: ["production"], labelSelectors: { app: "postgres-master" } },
      },
      duration: "3m",
    },
  });
  expect(meshOf({ kind: "cpu", ttlMs: 600_000, attributes: { workers: 4, loadPercent: 80 } })).toMatchObject({
    kind: "StressChaos",
    spec: { mode: "one", stressors: { cpu: { workers: 4, load: 80 } }, duration: "10m" },
  });
  expect(meshOf({ kind: "memory" })).toMatchObject({
    kind: "StressChaos",
    spec: { mode: "one", stressors: { memory: { workers: 1, size: "1GB" } }, duration: "5m" },
  });
});

test("the weekly experiment is a Schedule of its own", () => {
  const weekly = meshOf({ kind: "service_crash", id: "weekly-chaos" }, { schedule: { cron: "0 2 * * 1" } });
  expect(weekly).toMatchObject({
    apiVersion: "chaos-mesh.org/v1alpha1",
    kind: "Schedule",
    metadata: { name: "weekly-chaos", namespace: "production" },
    spec: { schedule: "0 2 * * 1", type: "PodChaos", podChaos: { action: "pod-kill", mode: "one" } },
  });
});

test("cron stands in a Schedule only, whatever is exported", () => {
  for (const kind of FAULT_KINDS) {
    const plan = { schedule: { cron: "0 2 * * 1" } };
    const { documents } = exportChaosMesh(experimentOf({ kind, target: "a>b" }, plan), { namespace: "n" });
    for (const document of documents) {
      expect(document["kind"]).toBe("Schedule");
      expect(JSON.stringify(document)).not.toContain("scheduler");
    }
  }
});

test("every kind is exported in the other's shape, or left out by name", () => {
  const options = { namespace: "production", serviceAccount: "litmus-admin" };
  let exported = 0;
  for (const kind of FAULT_KINDS) {
    const experiment = experimentOf({ kind, target: "storefront>api" });
    for (const [exporter, shape] of [
      [exportChaosMesh, chaosMeshObject],
      [exportLitmus, litmusEngine],
    ] as const) {
      const { documents, unsupported } = exporter(experiment, options);
      for (const document of documents) shape.parse(document);
      expect([kind, documents.length + unsupported.length]).toEqual([kind, 1]);
      exported += documents.length;
    }
  }
  expect(exported).toBe(22);
});

test("the radius goes with it; all goes with its reason", () => {
  const crash = { kind: "service_crash" };
  expect(meshOf(crash, { blastRadius: { mode: "fixed", value: 2 } })["spec"]).toMatchObject({
    mode: "fixed",
    value: "2",
  });
  expect(meshOf(crash, { blastRadius: { mode: "percent", value: 30 } })["spec"]).toMatchObject({
    mode: "fixed-percent",
    value: "30",
  });
  const all = { blastRadius: { mode: "all", override: "game day" } };
  expect(meshOf(crash, all)).toMatchObject({
    metadata: { annotations: { "anycastle/override": "game day" } },
    spec: { mode: "all" },
  });
  const { notes } = exportChaosMesh(experimentOf(crash, all), { namespace: "n" });
  expect(notes).toEqual(["all targets may be hit: game day"]);
});

test("a memory fault is as large as its target's limit asks", () => {
  const size = (attributes: JsonObject): Json =>
    (meshOf({ kind: "memory_leak", attributes })["spec"] as JsonObject)["stressors"]!;
  expect(size({ limitBytes: 2_147_483_648 })).toEqual({ memory: { workers: 1, size: "2363MB" } });
  expect(size({ sizeBytes: 256_000_000 })).toEqual({ memory: { workers: 1, size: "256MB" } });
  const { notes } = exportChaosMesh(experimentOf({ kind: "memory_leak" }), { namespace: "n" });
  expect(notes).toEqual(["drill: 1GB kills only a target whose memory limit is below: give limitBytes"]);
});

test("a Litmus engine has the fault's numbers, one pod by default, and the hypothesis' HTTP probes", () => {
  const options = { namespace: "production", serviceAccount: "litmus-admin" };
  const experiment = experimentOf({ kind: "latency", attributes: { latencyMs: 300, jitterMs: 50 } });
  const { documents, notes } = exportLitmus(experiment, options);
  const engine = litmusEngine.parse(documents[0]);
  const [only] = engine.spec.experiments;
  expect(only!.name).toBe("pod-network-latency");
  expect(Object.fromEntries(only!.spec.components.env.map(({ name, value }) => [name, value]))).toEqual({
    TOTAL_CHAOS_DURATION: "300",
    PODS_AFFECTED_PERC: "",
    NETWORK_LATENCY: "300",
    JITTER: "50",
  });
  expect(only!.spec.probe).toEqual([
    {
      name: "gateway-answers",
      type: "httpProbe",
      mode: "Continuous",
      "httpProbe/inputs": {
        url: "http://127.0.0.1:8080/",
        method: { get: { criteria: "==", responseCode: "200" } },
      },
      runProperties: {
        probeTimeout: "1s",
        interval: "100ms",
        retry: 1,
        probePollingInterval: "500ms",
        initialDelay: "0s",
        stopOnFailure: false,
      },
    },
  ]);
  expect(notes).toEqual([
    'the probe "served-by-a-site" is not exported: Litmus takes a GET of a known address and a status',
  ]);
});

test("the text is one YAML of all documents, with what was left out at its head", () => {
  const experiment = experimentOf({ kind: "bgp_flap" });
  const text = manifestText(exportChaosMesh(experiment, { namespace: "n" }));
  expect(text).toBe("# left out: drill (bgp_flap): Chaos Mesh has no such fault\n");
  const kill = exportChaosMesh(experimentOf({ kind: "service_crash" }), { namespace: "n" });
  const twice = manifestText({ ...kill, documents: [...kill.documents, ...kill.documents] });
  expect(parseAllDocuments(twice).map((one) => (one as { toJS(): unknown }).toJS())).toEqual([
    kill.documents[0],
    kill.documents[0],
  ]);
});

test("names and labels fit Kubernetes", () => {
  expect(manifestName("Kill: ny1-1 / now!")).toBe("kill-ny1-1-now");
  expect(manifestName("-".repeat(99))).toBe("drill");
  expect(manifestName("a".repeat(99))).toHaveLength(57);
  expect(labelsOf("app=storefront,tier=web")).toEqual({ app: "storefront", tier: "web" });
  expect(labelsOf("pod:default/app=x")).toEqual({ app: "x" });
  expect(labelsOf("storefront")).toEqual({ app: "storefront" });
});
