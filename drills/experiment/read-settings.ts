/** `configuration` and `secrets` as they are written -> where each value comes from. Reads no environment. */
import { nearMiss, type Issue } from "./issue.ts";
import type { Experiment, SecretSource, Setting, SettingType } from "./experiment.ts";
import { isObject, type Json, type JsonObject } from "./json.ts";
import { SECRET_LENGTH_MIN } from "./redactor.ts";

const NAME = /^[_a-zA-Z][_a-zA-Z0-9]*$/;
const SECRET_WANTED = "a secret is a text (quote it), or {type: env, key: NAME}";
const SECRET_SHORT = `a secret has at least ${SECRET_LENGTH_MIN} characters: a shorter one cannot be kept out of reports`;
const TYPES: Readonly<Record<string, SettingType>> = {
  str: "str",
  string: "str",
  int: "int",
  integer: "int",
  float: "float",
  number: "float",
  bool: "bool",
  json: "json",
};

export function readConfiguration(
  written: JsonObject,
  issues: Issue[],
  warnings: Issue[],
): Experiment["configuration"] {
  const settings = new Map<string, Setting>();
  for (const [name, value] of Object.entries(written)) {
    const path = ["configuration", name];
    if (!NAME.test(name)) warnings.push(unreachable(path, name));
    const setting = readSetting(value, path, issues);
    if (setting !== undefined) settings.set(name, setting);
  }
  return settings;
}

function readSetting(value: Json, path: readonly string[], issues: Issue[]): Setting | undefined {
  if (!isObject(value) || value["type"] === undefined) return { from: "file", value };
  if (value["type"] === "probe") {
    issues.push({
      path,
      message:
        "a setting that a probe finds out is not supported: write it down, or take it from the environment",
    });
    return undefined;
  }
  // Like there, a map with any other type is a value.
  if (value["type"] !== "env") return { from: "file", value };
  const { key, default: fallback, env_var_type: written = "str" } = value;
  if (typeof key !== "string" || key === "") {
    issues.push({ path: [...path, "key"], message: "expected the name of an environment variable" });
    return undefined;
  }
  const type = typeof written === "string" && Object.hasOwn(TYPES, written) ? TYPES[written] : undefined;
  if (type === undefined) {
    const given = typeof written === "string" ? written : "";
    issues.push(
      nearMiss(
        [...path, "env_var_type"],
        `expected one of ${Object.keys(TYPES).join(", ")}`,
        given,
        Object.keys(TYPES),
      ),
    );
    return undefined;
  }
  return { from: "environment", key, type, ...(fallback === undefined ? {} : { fallback }) };
}

export function readSecrets(
  written: Readonly<Record<string, JsonObject>>,
  issues: Issue[],
  warnings: Issue[],
): Experiment["secrets"] {
  const scopes = new Map<string, Map<string, SecretSource>>();
  for (const [scope, values] of Object.entries(written)) {
    const secrets = new Map<string, SecretSource>();
    for (const [name, value] of Object.entries(values)) {
      const path = ["secrets", scope, name];
      if (!NAME.test(name)) warnings.push(unreachable(path, name));
      const source = readSecret(value, path, issues);
      if (source?.from === "file") {
        warnings.push({
          path,
          message: "this secret stands in the file: take it from the environment, {type: env, key: NAME}",
          part: "key",
        });
      }
      if (source !== undefined) secrets.set(name, source);
    }
    scopes.set(scope, secrets);
  }
  return scopes;
}

function readSecret(value: Json, path: readonly string[], issues: Issue[]): SecretSource | undefined {
  if (typeof value === "string") {
    if (value.length < SECRET_LENGTH_MIN) issues.push({ path, message: SECRET_SHORT });
    return { from: "file", value };
  }
  if (isObject(value) && value["type"] === "vault") {
    issues.push({
      path,
      message:
        "secrets from Vault are not supported: put it into the environment and write {type: env, key: NAME}",
    });
    return undefined;
  }
  const key = isObject(value) && value["type"] === "env" ? value["key"] : undefined;
  if (typeof key === "string" && key !== "") return { from: "environment", key };
  issues.push({ path, message: SECRET_WANTED });
  return undefined;
}

/** No `${…}` can name it. */
function unreachable(path: readonly string[], name: string): Issue {
  return { path, message: `no template can name "${name}": letters, digits and _ only`, part: "key" };
}
