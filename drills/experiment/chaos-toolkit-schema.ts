/**
 * The shape of a Chaos Toolkit file: what chaostoolkit-lib 1.44 checks and reads, no more. Two schemas of one shape: the
 * loose one decides, because the specification lets files carry keys of others; the strict one finds those keys, so
 * that a misspelt `rollback` is told instead of silently ignored. Our own block is `plan.ts`, and strict always.
 *
 * What only makes sense across places (references, templates, faults, tolerances) is checked by `read-experiment.ts`.
 */
import { z } from "zod";

/** A string that is one template: chaostoolkit-lib takes the type of what it stands for. */
const template = z
  .string()
  .regex(/^\$\{[_a-zA-Z][_a-zA-Z0-9]*\}$/, 'expected a number or a template "${name}"');
const text = z.string().min(1, "must not be empty");
const seconds = z.number().min(0).max(86_400);
const timeout = z.number().positive().max(86_400);
const ACTIVITIES_MAX = 500;

/** `object` is `z.looseObject` or `z.strictObject`: the same shapes, another word about unknown keys. */
function shapeOf(object: typeof z.looseObject) {
  const secretNames = z.array(text).optional();
  const http = object({
    type: z.literal("http"),
    url: text,
    method: z
      .string()
      .regex(/^[A-Za-z]+$/, "expected a method such as GET or POST")
      .optional(),
    headers: z.record(z.string(), z.string({ error: "a header is a string: quote it" })).optional(),
    expected_status: z.unknown().optional(),
    arguments: z.unknown().optional(),
    timeout: z.union([timeout, z.tuple([timeout, timeout]), template]).optional(),
    secrets: secretNames,
    verify_tls: z.boolean().optional(),
    max_retries: z.int().min(0).max(20).optional(),
  });
  const process = object({
    type: z.literal("process"),
    path: text,
    arguments: z.union([z.string(), z.array(z.unknown()), z.record(z.string(), z.unknown())]).optional(),
    timeout: timeout.optional(),
    secrets: secretNames,
  });
  const python = object({
    type: z.literal("python"),
    module: text,
    func: text,
    arguments: z.record(z.string(), z.unknown()).optional(),
    secrets: secretNames,
  });
  const activity = object({
    ref: text.optional(),
    type: z.enum(["action", "probe"]).optional(),
    name: text.optional(),
    provider: z.discriminatedUnion("type", [http, process, python]).optional(),
    tolerance: z.unknown().optional(),
    background: z.boolean().optional(),
    pauses: object({
      before: z.union([seconds, template]).optional(),
      after: z.union([seconds, template]).optional(),
    }).optional(),
    controls: z.array(z.unknown()).optional(),
    configuration: z.unknown().optional(),
    secrets: z.unknown().optional(),
    dry: z.never(DRY_UNREAD).optional(),
    timeout: z.number().optional(),
  }).superRefine((activity, context) => {
    if (activity.ref !== undefined) return;
    for (const key of ["type", "name", "provider"] as const) {
      if (activity[key] === undefined) {
        context.addIssue({ code: "custom", path: [key], message: `"${key}" is missing` });
      }
    }
  });
  const activities = z.array(activity).max(ACTIVITIES_MAX);
  return object({
    version: z.unknown().optional(),
    title: text,
    description: text,
    tags: z.array(text).optional(),
    contributions: z.record(text, z.enum(["high", "medium", "low", "none"])).optional(),
    configuration: z.record(text, z.unknown()).optional(),
    secrets: z.record(text, z.record(text, z.unknown(), { error: SCOPE_WANTED })).optional(),
    "steady-state-hypothesis": object({
      title: text,
      probes: activities.min(1, "a hypothesis without a probe proves nothing"),
      controls: z.array(z.unknown()).optional(),
    }),
    method: activities,
    rollbacks: activities.optional(),
    controls: z.array(z.unknown()).optional(),
    runtime: object({
      rollbacks: object({
        strategy: z.enum(["default", "always", "never", "deviated"]).optional(),
      }).optional(),
      hypothesis: object({
        strategy: z
          .enum(["default", "before-method-only", "after-method-only", "during-method-only", "continuously"])
          .optional(),
        frequency: z.number().positive().optional(),
        fail_fast: z.boolean().optional(),
      }).optional(),
    }).optional(),
    extensions: z
      .array(
        z.looseObject({
          name: z.string().refine((name) => name.trim() !== "", "an extension needs a name"),
        }),
      )
      .optional(),
    dry: z.never(DRY_UNREAD).optional(),
  });
}

/** There it turns a run into a rehearsal; to read on would break what the author did not want broken. */
const DRY_UNREAD = "dry is not read: a drill is rehearsed by whoever runs it, with dry-run";
const SCOPE_WANTED = "secrets stand in scopes: {scope: {name: {type: env, key: NAME}}}";

export const experimentSchema = shapeOf(z.looseObject);
export const knownKeysSchema = shapeOf(z.strictObject);

export const activitySchema = experimentSchema.shape.method.element;

export type WrittenExperiment = z.output<typeof experimentSchema>;
export type WrittenActivity = WrittenExperiment["method"][number];
export type WrittenProvider = NonNullable<WrittenActivity["provider"]>;
