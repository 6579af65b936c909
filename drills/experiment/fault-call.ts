/**
 * How a file names a fault of ours: an HTTP action against the lab's control API, under the reserved name
 * `${anycastle_control}`. The real `chaos run` sends it; our engine recognises it by that name, sends nothing, and
 * does the fault itself, with its ledger and guardian. See docs/decisions/0013-drills-are-chaos-toolkit-files.md.
 *
 *   POST   ${anycastle_control}/api/v1/faults        {id, kind, target, ttlMs, intensity?, attributes?}
 *   DELETE ${anycastle_control}/api/v1/faults/ID     and without an ID all that the experiment injected
 */
import { z } from "zod";
import { suggest } from "#core/suggest.ts";
import type { WrittenProvider } from "./chaos-toolkit-schema.ts";
import type { FaultOrder, InjectCall, RemoveCall } from "./experiment.ts";
import { FAULT_ALIASES, FAULT_KINDS, faultKind } from "./fault-kinds.ts";
import type { Issue } from "./issue.ts";
import { isObject, type Json, type JsonObject } from "./json.ts";
import { namesIn, substitute, type Lookup } from "./template.ts";

export const CONTROL_VARIABLE = "anycastle_control";
export const TOKEN_VARIABLE = "anycastle_token";
export const FAULTS_PATH = "/api/v1/faults";

/** A fault that outlives a day outlives everybody who knew of it. */
const TTL_MS_MAX = 86_400_000;

const FAULT_URL = /^\$\{anycastle_control\}\/api\/v1\/faults(?:\/([^/?#]+))?$/;
const ID = /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,79}$/;
const ID_WANTED = "expected 1 to 80 letters, digits, - _ . or :";
const TTL_WANTED = `expected whole milliseconds above 0 and at most ${TTL_MS_MAX}: a fault without an end is not injected`;

export const faultOrderSchema = z.strictObject({
  id: z.string().regex(ID, ID_WANTED),
  kind: z.string().transform((word, context) => {
    const kind = faultKind(word);
    if (kind !== undefined) return kind;
    const near = suggest(word, [...FAULT_KINDS, ...Object.keys(FAULT_ALIASES)]);
    const known = `known are ${FAULT_KINDS.join(", ")}`;
    context.addIssue(`unknown kind of fault; ${near === undefined ? known : `did you mean "${near}"?`}`);
    return z.NEVER;
  }),
  target: z
    .string()
    .regex(/^[\w.*:/=,>-]{1,200}$/, "expected a node, a site, a role, or a link such as gateway>ny1-1"),
  ttlMs: z
    .int({ error: ({ input }) => (input === undefined ? `"ttlMs" is missing: ${TTL_WANTED}` : TTL_WANTED) })
    .min(1, TTL_WANTED)
    .max(TTL_MS_MAX, TTL_WANTED),
  intensity: z.number().gt(0).lte(1).default(1),
  attributes: z.record(z.string(), z.unknown()).default({}),
});

type WrittenHttp = WrittenProvider & { type: "http" };

export interface FaultCallReading {
  readonly call?: InjectCall | RemoveCall;
  readonly issues: readonly Issue[];
}

/** Undefined: an HTTP call like any other. `constants` are settings that stand in the file. */
export function readFaultCall(
  provider: WrittenHttp,
  path: readonly string[],
  constants: Lookup,
): FaultCallReading | undefined {
  if (!namesIn(provider.url).has(CONTROL_VARIABLE)) return undefined;
  const method = (provider.method ?? "GET").toUpperCase();
  const isOrder =
    isObject(provider.arguments as Json | undefined) && "kind" in (provider.arguments as JsonObject);
  // The lab's GET changes nothing: its status may be probed like anybody's.
  if (method === "GET" && !isOrder) return undefined;
  const url = FAULT_URL.exec(provider.url);
  if (url === null) {
    const message = `expected \${${CONTROL_VARIABLE}}${FAULTS_PATH}, or that and /ID: experiments change nothing else in a lab`;
    return { issues: [{ path: [...path, "url"], message }] };
  }
  if (method === "DELETE") return removal(url[1], path);
  if (method !== "POST" || url[1] !== undefined) {
    const message = "faults are injected by POST to the path, and removed by DELETE of the path and /ID";
    return { issues: [{ path: [...path, provider.method === undefined ? "url" : "method"], message }] };
  }
  return injection(provider.arguments as Json | undefined, [...path, "arguments"], constants);
}

/** Whether Chaos Toolkit would send the body as JSON and the token with it. */
export function isReadyForChaosToolkit(provider: WrittenHttp): boolean {
  const { headers = {} } = provider;
  const sendsJson =
    provider.method?.toUpperCase() !== "POST" || headers["Content-Type"] === "application/json";
  return sendsJson && Object.values(headers).some((value) => namesIn(value).has(TOKEN_VARIABLE));
}

function removal(id: string | undefined, path: readonly string[]): FaultCallReading {
  if (id !== undefined && !ID.test(id)) return { issues: [{ path: [...path, "url"], message: ID_WANTED }] };
  return { call: { type: "remove", faultId: id ?? null }, issues: [] };
}

function injection(given: Json | undefined, path: readonly string[], constants: Lookup): FaultCallReading {
  if (!isObject(given)) {
    return { issues: [{ path, message: "expected a map: {id: …, kind: …, target: …, ttlMs: 30000}" }] };
  }
  const values = substitute(given, constants) as JsonObject;
  const open = [...namesIn(values)];
  if (open.length > 0) {
    const message = `\${${open[0]}} is not known before the run; a fault takes constants and settings written in "configuration"`;
    return { issues: [{ path, message }] };
  }
  const checked = faultOrderSchema.safeParse(values);
  if (checked.success) return { call: { type: "inject", fault: checked.data as FaultOrder }, issues: [] };
  return { issues: checked.error.issues.flatMap((issue) => issuesOf(issue, values, path)) };
}

function issuesOf(issue: z.core.$ZodIssue, values: JsonObject, path: readonly string[]): Issue[] {
  const keys = Object.keys(faultOrderSchema.shape);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const near = suggest(key, keys);
      const message = `unknown key "${key}"; what belongs to the kind stands in "attributes"`;
      const found: Issue = { path: [...path, key], message, part: "key" };
      return near === undefined ? found : { ...found, didYouMean: near };
    });
  }
  const key = issue.path[0];
  const isMissing = typeof key === "string" && values[key] === undefined && key !== "ttlMs";
  const message = isMissing ? `"${key}" is missing` : issue.message;
  return [{ path: [...path, ...issue.path.map(String)], message }];
}
