/**
 * The functions of Chaos Toolkit's Python drivers that are not faults, without Python: Prometheus queries by HTTP, as
 * chaosprometheus sends them, and k6 as a process, as chaosk6 starts it. What they give back is what those give back.
 */
import { messageOf } from "#core/errors.ts";
import { durationMs } from "../experiment/duration.ts";
import type { PythonCall } from "../experiment/experiment.ts";
import { isObject, type Json, type JsonObject } from "../experiment/json.ts";
import { pythonText } from "../experiment/python-value.ts";
import type { Scope } from "../experiment/scope.ts";
import { substitute } from "../experiment/template.ts";
import type { HttpProvider } from "./http-provider.ts";
import type { ProcessProvider } from "./process-provider.ts";
import { ActivityFailedError, type Provider } from "./provider.ts";

const PROMETHEUS_DEFAULT = "http://localhost:9090";
const MS_PER_UNIT: Readonly<Record<string, number>> = {
  second: 1_000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
  week: 604_800_000,
};
const STRESS_SCRIPT = `import http from "k6/http";
export default function () {
  http.get(__ENV.CHAOS_K6_URL);
}
`;
/** k6 itself ends after its duration; the rest is its start and its summary. */
const K6_GRACE_MS = 60_000;

export class PythonProvider implements Provider<PythonCall> {
  readonly #http: HttpProvider;
  readonly #process: ProcessProvider;
  readonly #wallMs: () => number;

  /** `wallMs`: milliseconds since 1970, for "5 minutes ago". */
  constructor(http: HttpProvider, process: ProcessProvider, wallMs: () => number) {
    this.#http = http;
    this.#process = process;
    this.#wallMs = wallMs;
  }

  async run(
    { module, func, arguments: given }: PythonCall,
    scope: Scope,
    signal: AbortSignal,
  ): Promise<Json> {
    const values = substitute(given, scope.lookup) as JsonObject;
    switch (`${module}.${func}`) {
      case "chaosprometheus.probes.query":
        return this.#query("query", this.#instant(values), values, scope, signal);
      case "chaosprometheus.probes.query_interval":
        return this.#query("query_range", this.#interval(values), values, scope, signal);
      case "chaosk6.actions.run_script":
        await this.#k6(values, scope, signal);
        return null;
      case "chaosk6.actions.stress_endpoint":
        await this.#k6(values, scope, signal);
        // Its driver asks whether k6 runs when it has just been started, and waits afterwards.
        return true;
      default:
        throw new ActivityFailedError(`${module}.${func} has no counterpart here`);
    }
  }

  #instant({ query, when, timeout }: JsonObject): JsonObject {
    return {
      query: query!,
      ...given("timeout", timeout),
      ...(isSet(when) ? { time: this.#time(when) } : {}),
    };
  }

  #interval({ query, start, end, step, timeout }: JsonObject): JsonObject {
    const stepS = step === 0 ? undefined : (step ?? 1);
    return {
      query: query!,
      ...given("timeout", timeout),
      ...given("step", stepS),
      start: this.#time(start!),
      end: this.#time(end!),
    };
  }

  async #query(
    path: string,
    query: JsonObject,
    values: JsonObject,
    scope: Scope,
    signal: AbortSignal,
  ): Promise<Json> {
    const base = scope.lookup("prometheus_base_url") ?? PROMETHEUS_DEFAULT;
    const reply = await this.#http.run(
      {
        type: "http",
        url: `${pythonText(base)}/api/v1/${path}`,
        method: "GET",
        headers: { Accept: "application/json" },
        arguments: query,
        timeout: { connectMs: null, readMs: null },
        verifyTls: values["verify_tls"] !== false,
        maxRetries: 0,
      },
      // Its arguments have been resolved.
      { ...scope, isEmpty: true },
      signal,
    );
    if (!isObject(reply) || reply["status"] !== 200) {
      const status = isObject(reply) ? reply["status"] : undefined;
      throw new ActivityFailedError(
        scope.redactor.text(`Prometheus query failed: status ${pythonText(status ?? null)}`),
      );
    }
    return decoded(reply["body"]!, scope);
  }

  /** RFC 3339, `now`, or `5 minutes ago`: what is left of dateparser's many forms is refused. */
  #time(given: Json): string {
    const text = pythonText(given).trim();
    const ago = /^(\d{1,6})\s+(second|minute|hour|day|week)s?\s+ago$/i.exec(text);
    if (text.toLowerCase() === "now") return instant(this.#wallMs());
    if (ago !== null) return instant(this.#wallMs() - Number(ago[1]) * MS_PER_UNIT[ago[2]!.toLowerCase()]!);
    if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/.test(text)) return text;
    throw new ActivityFailedError('a time is "2026-01-31T12:00:00Z", "now" or "5 minutes ago"');
  }

  /** `stress_endpoint` has a script of its own, which k6 reads from its standard input here. */
  async #k6(values: JsonObject, scope: Scope, signal: AbortSignal): Promise<void> {
    const { script_path: script, endpoint, vus = 1, duration = "1s" } = values;
    const loadMs = durationMs(pythonText(duration));
    if (loadMs === undefined) throw new ActivityFailedError("a duration is 30s or 1m30s");
    const what = script ?? "-";
    const address = endpoint === undefined ? [] : ["--env", `CHAOS_K6_URL=${pythonText(endpoint)}`];
    const words = ["run", "--quiet", what, "--vus", vus, "--duration", duration, ...address];
    const call = { type: "process", path: "k6", arguments: words, timeoutMs: loadMs + K6_GRACE_MS } as const;
    // Its arguments have been resolved.
    const input = script === undefined ? STRESS_SCRIPT : undefined;
    await this.#process.runWithInput(call, input, { ...scope, isEmpty: true }, signal);
  }
}

function given(name: string, value: Json | undefined): JsonObject {
  return isSet(value) ? { [name]: value } : {};
}

function isSet(value: Json | undefined): value is Json {
  return value !== undefined && value !== null;
}

/** Seconds since 1970, which Prometheus takes as well as RFC 3339. */
function instant(wallMs: number): string {
  return (wallMs / 1_000).toFixed(3);
}

function decoded(body: Json, scope: Scope): Json {
  if (typeof body !== "string") return body;
  try {
    return JSON.parse(body) as Json;
  } catch (error) {
    throw new ActivityFailedError(scope.redactor.text(messageOf(error)));
  }
}
