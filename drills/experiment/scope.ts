/**
 * What the `${names}` of an experiment stand for in one run: settings first, then secrets, in the order of their scopes.
 * The environment is an argument. A variable that is not set is no error here but where somebody needs it, so that a
 * drill can be shown, exported and run by us without the token that only `chaos run` sends.
 */
import { UserError } from "#core/errors.ts";
import type { Activity, Experiment, Setting, SettingType } from "./experiment.ts";
import type { Json } from "./json.ts";
import { Redactor, SECRET_LENGTH_MIN } from "./redactor.ts";
import { namesIn, type Lookup } from "./template.ts";

export interface Scope {
  readonly lookup: Lookup;
  readonly redactor: Redactor;
  /** Names that have no value, and the variables that would give them one. */
  readonly missing: ReadonlyMap<string, string>;
  /** Chaos Toolkit leaves arguments alone when an experiment has neither settings nor secrets: `$$` stays then. */
  readonly isEmpty: boolean;
}

export type Environment = (name: string) => string | undefined;

/**
 * `overrides` are settings of the command line, which win. Throws `SETTING_INVALID` and `SECRET_SHORT`, whose messages
 * name the variable and never its value.
 */
export function openScope(
  experiment: Pick<Experiment, "configuration" | "secrets">,
  environment: Environment,
  overrides: ReadonlyMap<string, Json> = new Map(),
): Scope {
  const values = new Map<string, Json>();
  const missing = new Map<string, string>();
  for (const [name, setting] of experiment.configuration) {
    const value = overrides.get(name) ?? settingValue(name, setting, environment);
    if (value === undefined) missing.set(name, setting.from === "environment" ? setting.key : name);
    else values.set(name, value);
  }
  const secrets = openSecrets(experiment, environment, values, missing);
  return {
    lookup: (name) => values.get(name),
    redactor: new Redactor(secrets),
    missing,
    isEmpty: experiment.configuration.size === 0 && experiment.secrets.size === 0,
  };
}

/** Variables that `activities` need and nobody has set. */
export function missingVariables(activities: readonly Activity[], { missing }: Scope): string[] {
  const names = new Set<string>();
  for (const { call, document, tolerance } of activities) {
    // Faults are ours: what their HTTP form needs, only Chaos Toolkit needs.
    const parts = call.type === "inject" || call.type === "remove" ? [] : [document["provider"] ?? null];
    for (const part of [...parts, document["pauses"] ?? null, (tolerance ?? null) as Json]) {
      for (const name of namesIn(part)) if (missing.has(name)) names.add(missing.get(name)!);
    }
  }
  return [...names].sort();
}

/** Into `values` and `missing`; returns the secrets' values. */
function openSecrets(
  { secrets }: Pick<Experiment, "secrets">,
  environment: Environment,
  values: Map<string, Json>,
  missing: Map<string, string>,
): string[] {
  const found: string[] = [];
  for (const sources of secrets.values()) {
    for (const [name, source] of sources) {
      const value = source.from === "file" ? source.value : environment(source.key);
      if (value !== undefined) {
        if (value.length < SECRET_LENGTH_MIN) throw shortSecret(source.from === "file" ? name : source.key);
        found.push(value);
      }
      if (values.has(name)) continue;
      if (value !== undefined) values.set(name, value);
      else if (source.from === "environment" && !missing.has(name)) missing.set(name, source.key);
    }
  }
  for (const name of values.keys()) missing.delete(name);
  return found;
}

function shortSecret(name: string): UserError {
  const message = `the secret ${name} is shorter than ${SECRET_LENGTH_MIN} characters: it cannot be kept out of reports`;
  return new UserError("SECRET_SHORT", message, { hint: "set a longer one" });
}

function settingValue(name: string, setting: Setting, environment: Environment): Json | undefined {
  if (setting.from === "file") return setting.value;
  const text = environment(setting.key);
  // What stands in the file as a fallback is converted like what stands in the environment.
  const given = text ?? setting.fallback;
  return given === undefined ? undefined : converted(name, given, setting);
}

function converted(name: string, given: Json, { key, type }: Setting & { from: "environment" }): Json {
  const value = CONVERTED[type](given);
  if (value !== undefined) return value;
  throw new UserError("SETTING_INVALID", `the setting ${name} is no ${type}`, {
    hint: `set the environment variable ${key} to one`,
  });
}

/** As chaoslib's `convert_to_type`; undefined: it would raise. */
const CONVERTED: Readonly<Record<SettingType, (given: Json) => Json | undefined>> = {
  str: (given) => given,
  int: (given) => {
    if (typeof given === "number") return Math.trunc(given);
    if (typeof given === "boolean") return Number(given);
    return typeof given === "string" && /^\s*[+-]?\d+(?:_\d+)*\s*$/.test(given)
      ? Number(given.replaceAll("_", ""))
      : undefined;
  },
  float: (given) => {
    if (typeof given === "boolean") return Number(given);
    const number = typeof given === "string" && given.trim() !== "" ? Number(given) : given;
    return typeof number === "number" && Number.isFinite(number) ? number : undefined;
  },
  bool: (given) => {
    if (typeof given === "boolean") return given;
    return typeof given === "string" ? !["false", "0", "no"].includes(given.toLowerCase()) : undefined;
  },
  json: (given) => {
    if (typeof given !== "string" || given === "") return given;
    try {
      return JSON.parse(given) as Json;
    } catch {
      return undefined;
    }
  },
};
