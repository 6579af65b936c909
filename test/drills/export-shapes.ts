/**
 * The objects of Chaos Mesh 2.x and Litmus as their types have them (chaos-mesh api/v1alpha1, litmus chaosengines), written
 * down strictly: a key that they do not have fails, and so does cron where 1.x had it.
 */
import { z } from "zod";

/** Go's time.ParseDuration, as far as we write it. */
const duration = z
  .string()
  .regex(/^(?:\d+h)?(?:\d+m)?(?:\d+s)?(?:\d+ms)?$|^0s$/)
  .min(2);
const decimal = z.string().regex(/^\d+(?:\.\d+)?$/);
const selector = z.strictObject({
  namespaces: z.array(z.string()).length(1),
  labelSelectors: z.record(z.string(), z.string()),
});
const radius = {
  mode: z.enum(["one", "all", "fixed", "fixed-percent"]),
  value: z.string().regex(/^\d+$/).optional(),
  selector,
  duration,
};
const metadata = z.strictObject({
  name: z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,55}[a-z0-9])?$/),
  namespace: z.string(),
  annotations: z.record(z.string(), z.string()),
});

const specs = {
  podChaos: z.strictObject({ ...radius, action: z.literal("pod-kill"), gracePeriod: z.int().min(0) }),
  networkChaos: z.discriminatedUnion("action", [
    z.strictObject({
      ...radius,
      action: z.literal("delay"),
      delay: z.strictObject({ latency: duration, jitter: duration, correlation: decimal }),
    }),
    z.strictObject({
      ...radius,
      action: z.literal("loss"),
      loss: z.strictObject({ loss: decimal, correlation: decimal }),
    }),
    z.strictObject({
      ...radius,
      action: z.literal("bandwidth"),
      bandwidth: z.strictObject({
        rate: z.string().regex(/^\d+kbps$/),
        limit: z.int().min(1),
        buffer: z.int().min(1),
      }),
    }),
    z.strictObject({
      ...radius,
      action: z.literal("partition"),
      direction: z.enum(["to", "from", "both"]),
      target: z.strictObject({ mode: z.literal("all"), selector }),
    }),
  ]),
  stressChaos: z.strictObject({
    ...radius,
    stressors: z.union([
      z.strictObject({ cpu: z.strictObject({ workers: z.int().min(1), load: z.int().min(0).max(100) }) }),
      z.strictObject({
        memory: z.strictObject({ workers: z.int().min(1), size: z.string().regex(/^\d+[MG]B$/) }),
      }),
    ]),
  }),
  httpChaos: z.strictObject({
    ...radius,
    target: z.enum(["Request", "Response"]),
    port: z.int().min(1).max(65_535),
    path: z.string(),
    abort: z.literal(true).optional(),
    delay: duration.optional(),
    replace: z.strictObject({ code: z.int() }).optional(),
  }),
};

const apiVersion = z.literal("chaos-mesh.org/v1alpha1");
const schedule = {
  schedule: z.string(),
  historyLimit: z.int().min(1),
  concurrencyPolicy: z.enum(["Forbid", "Allow"]),
};

export const chaosMeshObject = z.discriminatedUnion("kind", [
  z.strictObject({ apiVersion, kind: z.literal("PodChaos"), metadata, spec: specs.podChaos }),
  z.strictObject({ apiVersion, kind: z.literal("NetworkChaos"), metadata, spec: specs.networkChaos }),
  z.strictObject({ apiVersion, kind: z.literal("StressChaos"), metadata, spec: specs.stressChaos }),
  z.strictObject({ apiVersion, kind: z.literal("HTTPChaos"), metadata, spec: specs.httpChaos }),
  z.strictObject({
    apiVersion,
    kind: z.literal("Schedule"),
    metadata,
    spec: z.discriminatedUnion("type", [
      z.strictObject({ ...schedule, type: z.literal("PodChaos"), podChaos: specs.podChaos }),
      z.strictObject({ ...schedule, type: z.literal("NetworkChaos"), networkChaos: specs.networkChaos }),
      z.strictObject({ ...schedule, type: z.literal("StressChaos"), stressChaos: specs.stressChaos }),
      z.strictObject({ ...schedule, type: z.literal("HTTPChaos"), httpChaos: specs.httpChaos }),
    ]),
  }),
]);

export const litmusEngine = z.strictObject({
  apiVersion: z.literal("litmuschaos.io/v1alpha1"),
  kind: z.literal("ChaosEngine"),
  metadata,
  spec: z.strictObject({
    engineState: z.literal("active"),
    annotationCheck: z.literal("false"),
    appinfo: z.strictObject({
      appns: z.string(),
      applabel: z.string().includes("="),
      appkind: z.literal("deployment"),
    }),
    chaosServiceAccount: z.string(),
    jobCleanUpPolicy: z.literal("delete"),
    experiments: z
      .array(
        z.strictObject({
          name: z.enum([
            "pod-delete",
            "pod-network-latency",
            "pod-network-loss",
            "pod-network-partition",
            "pod-cpu-hog",
            "pod-memory-hog",
            "pod-http-status-code",
            "pod-http-reset-peer",
          ]),
          spec: z.strictObject({
            components: z.strictObject({
              env: z.array(z.strictObject({ name: z.string().regex(/^[A-Z_]+$/), value: z.string() })).min(2),
            }),
            probe: z
              .array(
                z.strictObject({
                  name: z.string(),
                  type: z.literal("httpProbe"),
                  mode: z.enum(["SOT", "EOT", "Edge", "Continuous", "OnChaos"]),
                  "httpProbe/inputs": z.strictObject({
                    url: z.url(),
                    method: z.strictObject({
                      get: z.strictObject({ criteria: z.enum(["==", "oneOf"]), responseCode: z.string() }),
                    }),
                  }),
                  runProperties: z.strictObject({
                    probeTimeout: duration,
                    interval: duration,
                    retry: z.int().min(0),
                    probePollingInterval: duration,
                    initialDelay: duration,
                    stopOnFailure: z.boolean(),
                  }),
                }),
              )
              .optional(),
          }),
        }),
      )
      .length(1),
  }),
});
