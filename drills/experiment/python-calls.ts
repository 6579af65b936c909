/**
 * The functions of public Chaos Toolkit drivers that have a counterpart here, with their arguments as the drivers
 * declare them (chaostoolkit-toxiproxy 0.3.1, -prometheus 0.6.0, -k6 0.3.4, -kubernetes 0.39.0). Python is never run:
 * toxics and terminated pods become faults of ours, queries and load are done by our own runners, and anything else is
 * an unsupported provider.
 */
import type { FaultKind } from "./fault-kinds.ts";
import type { Call, FaultOrder, PythonCall } from "./experiment.ts";
import type { WrittenProvider } from "./chaos-toolkit-schema.ts";
import { substitute, namesIn, type Lookup } from "./template.ts";
import { faultOrderSchema } from "./fault-call.ts";
import { nearMiss, type Issue } from "./issue.ts";
import type { Json, JsonObject } from "./json.ts";

type ArgumentType = "text" | "number" | "boolean" | "map";
type Arguments = Readonly<Record<string, ArgumentType | `${ArgumentType}!`>>;

interface MappedFunction {
  /** `!`: required. */
  readonly takes: Arguments;
  /** A fault of ours; absent: a call that our runners do. */
  readonly fault?: (given: JsonObject, place: string) => FaultPart | undefined;
  /** The argument that names the fault to remove. */
  readonly removes?: string;
}

type FaultPart = Pick<FaultOrder, "target" | "attributes" | "intensity"> & {
  readonly kind: FaultKind;
  readonly id: string;
};

const TOXIC: Arguments = { for_proxy: "text!", toxic_name: "text!" };

const FUNCTIONS: Readonly<Record<string, MappedFunction>> = {
  "chaostoxi.toxic.actions.create_toxic": {
    takes: { ...TOXIC, toxic_type: "text!", stream: "text", toxicity: "number", attributes: "map" },
    fault: (given) => {
      const type = textOf(given["toxic_type"]);
      const kind = Object.hasOwn(TOXIC_KINDS, type) ? TOXIC_KINDS[type] : undefined;
      return kind === undefined
        ? undefined
        : toxic(given, kind, given["attributes"] as JsonObject | undefined);
    },
  },
  "chaostoxi.toxic.actions.create_latency_toxic": {
    takes: { ...TOXIC, latency: "number!", jitter: "number" },
    fault: (given) => toxic(given, "network_delay", given),
  },
  "chaostoxi.toxic.actions.create_bandwith_degradation_toxic": {
    takes: { ...TOXIC, rate: "number!" },
    fault: (given) => toxic(given, "bandwidth", given),
  },
  "chaostoxi.toxic.actions.create_slow_connection_close_toxic": {
    takes: { ...TOXIC, delay: "number!" },
    fault: (given) => toxic(given, "slow_close", given),
  },
  "chaostoxi.toxic.actions.create_timeout_toxic": {
    takes: { ...TOXIC, timeout: "number!" },
    fault: (given) => toxic(given, "blackhole", given),
  },
  "chaostoxi.toxic.actions.create_slicer_toxic": {
    takes: { ...TOXIC, average_size: "number!", size_variation: "number!", delay: "number!" },
    fault: (given) => toxic(given, "slow_drip", given),
  },
  "chaostoxi.toxic.actions.create_limiter_toxic": {
    takes: { ...TOXIC, bytes_limit: "number!" },
    fault: (given) => toxic(given, "limit_data", { bytes: given["bytes_limit"]! }),
  },
  "chaostoxi.toxic.actions.delete_toxic": { takes: TOXIC, removes: "toxic_name" },
  "chaosk8s.pod.actions.terminate_pods": {
    takes: {
      label_selector: "text",
      name_pattern: "text",
      all: "boolean",
      rand: "boolean",
      mode: "text",
      qty: "number",
      grace_period: "number",
      ns: "text",
      order: "text",
    },
    fault: (given, place) => ({
      id: `terminate-pods-${place}`,
      kind: "service_crash",
      target: `pod:${textOf(given["ns"]) || "default"}/${textOf(given["name_pattern"]) || textOf(given["label_selector"]) || "*"}`,
      intensity: 1,
      attributes: given,
    }),
  },
  "chaosprometheus.probes.query": {
    takes: { query: "text!", when: "text", timeout: "number", verify_tls: "boolean" },
  },
  "chaosprometheus.probes.query_interval": {
    takes: {
      query: "text!",
      start: "text!",
      end: "text!",
      step: "number",
      timeout: "number",
      verify_tls: "boolean",
    },
  },
  "chaosk6.actions.run_script": {
    takes: { script_path: "text!", vus: "number", duration: "text", log_file: "text", debug: "boolean" },
  },
  "chaosk6.actions.stress_endpoint": {
    takes: { endpoint: "text!", vus: "number", duration: "text", log_file: "text", debug: "boolean" },
  },
};

/** Toxics by Toxiproxy's names. */
const TOXIC_KINDS: Readonly<Record<string, FaultKind>> = {
  latency: "network_delay",
  bandwidth: "bandwidth",
  slow_close: "slow_close",
  timeout: "blackhole",
  reset_peer: "reset",
  slicer: "slow_drip",
  limit_data: "limit_data",
};

/** Toxiproxy's attributes -> ours, with their units. Its slicer counts in microseconds. */
const ATTRIBUTES: Readonly<Record<string, readonly [string, number]>> = {
  latency: ["latencyMs", 1],
  jitter: ["jitterMs", 1],
  rate: ["rateKBps", 1],
  delay: ["delayMs", 1],
  timeout: ["timeoutMs", 1],
  average_size: ["averageBytes", 1],
  size_variation: ["variationBytes", 1],
  bytes: ["bytes", 1],
};

interface PythonContext {
  readonly constants: Lookup;
  /** What the plan says for faults of foreign drivers. */
  readonly ttlMs: number | undefined;
  readonly warnings: Issue[];
}

type WrittenPython = WrittenProvider & { type: "python" };

/** Faults of foreign drivers have no end of their own; they take constants only, as ours do. */
export function readPythonCall(
  { module, func, arguments: given = {} }: WrittenPython,
  path: readonly string[],
  { constants, ttlMs, warnings }: PythonContext,
  issues: Issue[],
): Call | undefined {
  const name = `${module}.${func}`;
  const mapped = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
  if (mapped === undefined) {
    const message = `unsupported provider: python ${name}; python is never run, and this function has no counterpart here`;
    issues.push(nearMiss([...path, "func"], message, name, Object.keys(FUNCTIONS)));
    return undefined;
  }
  const isDone = mapped.fault === undefined && mapped.removes === undefined;
  const values = (isDone ? given : substitute(given as JsonObject, constants)) as JsonObject;
  const found = issuesOf(values, mapped.takes, [...path, "arguments"], isDone);
  issues.push(...found);
  if (found.length > 0) return undefined;
  if (mapped.removes !== undefined) return { type: "remove", faultId: textOf(values[mapped.removes]) };
  if (mapped.fault === undefined)
    return { type: "python", module, func, arguments: values } satisfies PythonCall;
  const fault = mapped.fault(values, path[1] ?? "");
  if (fault === undefined) {
    const message = `unsupported toxic; known are ${Object.keys(TOXIC_KINDS).join(", ")}`;
    const given = textOf(values["toxic_type"]);
    issues.push(nearMiss([...path, "arguments", "toxic_type"], message, given, Object.keys(TOXIC_KINDS)));
    return undefined;
  }
  if (ttlMs === undefined) {
    const message = `${name} injects a fault and has no TTL: add "foreignTtl: 60s" to the extension "anycastle"`;
    issues.push({ path: [...path, "func"], message });
    return undefined;
  }
  for (const key of ["all", "qty", "mode"]) {
    if (values[key] === undefined || mapped.takes["qty"] === undefined) continue;
    const message = `how many pods are hit says "blastRadius" of the extension "anycastle", and not "${key}"`;
    warnings.push({ path: [...path, "arguments", key], message, part: "key" });
  }
  const order = faultOrderSchema.safeParse({ ...fault, ttlMs });
  if (order.success) return { type: "inject", fault: { ...fault, ttlMs } };
  for (const { path: part, message } of order.error.issues) {
    issues.push({ path: [...path, "arguments"], message: `${part.join(".")} of the fault: ${message}` });
  }
  return undefined;
}

function issuesOf(
  given: JsonObject,
  takes: Arguments,
  path: readonly string[],
  areTemplates: boolean,
): Issue[] {
  const issues: Issue[] = [];
  for (const [key, value] of Object.entries(given)) {
    const wanted = Object.hasOwn(takes, key) ? takes[key] : undefined;
    if (wanted === undefined) {
      const near = nearMiss([...path, key], `unknown argument "${key}"`, key, Object.keys(takes));
      issues.push({ ...near, part: "key" });
    } else if (areTemplates && namesIn(value).size > 0) {
      continue;
    } else if (!isOfType(value, wanted.replace("!", "") as ArgumentType)) {
      issues.push({ path: [...path, key], message: `expected a ${wanted.replace("!", "")}` });
    }
  }
  for (const [key, wanted] of Object.entries(takes)) {
    if (wanted.endsWith("!") && !Object.hasOwn(given, key)) {
      issues.push({ path, message: `the argument "${key}" is missing` });
    }
  }
  return issues;
}

function isOfType(value: Json, type: ArgumentType): boolean {
  if (value === null) return true;
  if (type === "text") return typeof value === "string";
  if (type === "map") return typeof value === "object" && !Array.isArray(value);
  return typeof value === type;
}

function toxic(given: JsonObject, kind: FaultKind, attributes: JsonObject | undefined): FaultPart {
  const ours: Record<string, Json> = {};
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (!Object.hasOwn(ATTRIBUTES, key)) continue;
    const [name, factor] =
      key === "delay" && kind === "slow_drip" ? (["delayMs", 1 / 1_000] as const) : ATTRIBUTES[key]!;
    ours[name] = typeof value === "number" ? value * factor : value;
  }
  const toxicity = given["toxicity"];
  return {
    id: textOf(given["toxic_name"]),
    kind,
    target: textOf(given["for_proxy"]),
    intensity: typeof toxicity === "number" && toxicity > 0 && toxicity <= 1 ? toxicity : 1,
    attributes: given["stream"] === undefined ? ours : { ...ours, stream: given["stream"] },
  };
}

/** Arguments have been checked by then. */
function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}
