/**
 * A drill's experiment as the engine sees it: a Chaos Toolkit file, read once, frozen, its references resolved and its
 * faults recognised.
 *
 *   text --read-experiment--> Experiment --run by the engine--> journal
 *                                 |
 *                                 +-- document: what was written, for writing it again without loss
 *
 * Strings of calls and tolerances may hold `${name}`: they stay templates here, because a value may be a secret or come
 * from an environment that only the run knows (`Scope`). What pre-flight must know before anything runs (kind, target
 * and TTL of a fault, the whole `anycastle` block) is settled when the file is read.
 *
 * Source: sources/reference/api/experiment.md of Chaos Toolkit, and chaostoolkit-lib 1.44.
 */
import type { Json, JsonObject } from "./json.ts";
import type { DrillPlan } from "./plan.ts";
import type { Tolerance } from "./tolerance.ts";

export type Contribution = "high" | "medium" | "low" | "none";

/**
 * `default` plays rollbacks unless the run failed or was interrupted; files of ours say `always`.
 * Our engine removes its faults before it plays any rollback, whatever the strategy.
 */
export type RollbackStrategy = "default" | "always" | "never" | "deviated";

export type HypothesisStrategy =
  | "default"
  | "before-method-only"
  | "after-method-only"
  | "during-method-only"
  | "continuously";

export interface Experiment {
  readonly title: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly contributions: ReadonlyMap<string, Contribution>;
  readonly configuration: ReadonlyMap<string, Setting>;
  /** By scope, then by name. Names of all scopes are known to templates; the first scope that has one wins. */
  readonly secrets: ReadonlyMap<string, ReadonlyMap<string, SecretSource>>;
  readonly hypothesis: Hypothesis;
  readonly method: readonly Activity[];
  readonly rollbacks: readonly Activity[];
  readonly rollbackStrategy: RollbackStrategy;
  readonly hypothesisStrategy: HypothesisStrategy;
  /** The block `{name: anycastle}` of `extensions`, defaults filled in. */
  readonly plan: DrillPlan;
  /** All faults that the method may inject, in its order; their ids are distinct. */
  readonly faults: readonly FaultOrder[];
  /** What was written, unknown keys and foreign extensions included. Holds inline secrets: never log it, see `Redactor`. */
  readonly document: JsonObject;
}

/** A setting as written, or where it comes from. */
export type Setting =
  | { readonly from: "file"; readonly value: Json }
  | {
      readonly from: "environment";
      readonly key: string;
      readonly type: SettingType;
      readonly fallback?: Json;
    };

export type SettingType = "str" | "int" | "float" | "bool" | "json";

export type SecretSource =
  | { readonly from: "file"; readonly value: string }
  | { readonly from: "environment"; readonly key: string };

export interface Hypothesis {
  readonly title: string;
  /** In the order in which they are asked; the first that fails ends the round. */
  readonly probes: readonly Probe[];
}

export interface Activity {
  readonly type: "action" | "probe";
  readonly name: string;
  readonly call: Call;
  readonly isBackground: boolean;
  readonly pauses: { readonly before: Pause; readonly after: Pause };
  /** Present on probes of the hypothesis, and on those of the method that refer to one. */
  readonly tolerance?: Tolerance;
  /** As written, of the activity itself where it was referred to: what the journal copies. */
  readonly document: JsonObject;
  /** Where it stands in the document: `method.0`. */
  readonly path: string;
}

/** Milliseconds, or a template that gives seconds, as Chaos Toolkit counts them. */
export type Pause = number | { readonly template: string };

export interface Probe extends Activity {
  readonly type: "probe";
  readonly tolerance: Tolerance;
}

/** What an activity does. `inject` and `remove` are ours: the engine does them itself, and never by HTTP. */
export type Call = HttpCall | ProcessCall | PythonCall | InjectCall | RemoveCall;

export interface HttpCall {
  readonly type: "http";
  readonly url: string;
  /** Upper case. */
  readonly method: string;
  /** Values may be templates; so may the whole. */
  readonly headers: JsonObject;
  /** Query of a GET, otherwise a form, or JSON where the request says `Content-Type: application/json`. */
  readonly arguments: Json;
  readonly timeout: HttpTimeout;
  readonly verifyTls: boolean;
  /** Of connecting only, as in urllib3's adapter. */
  readonly maxRetries: number;
}

/**
 * Milliseconds to connect and between two reads. Null: no limit of the file's own; the runner has one. A template gives
 * seconds, or a list of both.
 */
export type HttpTimeout =
  | { readonly connectMs: number | null; readonly readMs: number | null }
  | { readonly template: string };

export interface ProcessCall {
  readonly type: "process";
  /** A name to look up in PATH, or an absolute path. */
  readonly path: string;
  /** One word each, never for a shell; templates in them. */
  readonly arguments: readonly Json[];
  readonly timeoutMs: number | null;
}

/** A function of a public Chaos Toolkit driver, one of those that have a counterpart here. */
export interface PythonCall {
  readonly type: "python";
  readonly module: string;
  readonly func: string;
  readonly arguments: JsonObject;
}

export interface InjectCall {
  readonly type: "inject";
  readonly fault: FaultOrder;
}

export interface RemoveCall {
  readonly type: "remove";
  /** Of one of the experiment's faults; null: all that it injected. */
  readonly faultId: string | null;
}

/** One fault to inject. The same object, as JSON or as a form, is the body of `POST /api/v1/faults`. */
export interface FaultOrder {
  /** Chosen by the file, so that a rollback can name it; injecting the same id twice is one fault. */
  readonly id: string;
  /** Canonical: aliases are resolved. */
  readonly kind: string;
  /** A node, a site, a role (`gateway`), or a link (`gateway>ny1-1`). */
  readonly target: string;
  /** Above 0. The guardian removes the fault when it is over, whoever else has died. */
  readonly ttlMs: number;
  /** In (0, 1]; a plan with stages multiplies it. */
  readonly intensity: number;
  /** Of the kind: `latencyMs`, `jitterMs`, `ratio`. The registry of faults checks them. */
  readonly attributes: JsonObject;
}
