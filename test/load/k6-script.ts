/**
 * `node test/load/k6-script.ts SCRIPT`: loads a k6 script as it is, with k6's own modules replaced by ones that write
 * down what is asked of them, runs one iteration of each scenario and its `handleSummary`, and prints all that as JSON.
 * It shows that a script can be loaded, asks the right thing of the right city and sums up; it measures nothing.
 * An import that k6 could not resolve either ends it.
 */
import { registerHooks } from "node:module";
import { pathToFileURL } from "node:url";

export interface ScriptRun {
  readonly options: {
    readonly scenarios: Record<string, { readonly env: Record<string, string>; readonly exec?: string }>;
    readonly thresholds: Record<string, readonly string[]>;
  };
  readonly requests: readonly {
    readonly method: string;
    readonly url: string;
    readonly headers: Record<string, string>;
  }[];
  readonly counted: readonly { readonly vantage: string; readonly site: string }[];
  readonly checks: readonly string[];
  readonly summary: Record<string, string>;
}

interface Recorder {
  readonly requests: unknown[];
  readonly counted: unknown[];
  readonly checks: string[];
}

interface K6Script {
  readonly options: ScriptRun["options"];
  readonly default: () => void;
  readonly order?: () => void;
  readonly handleSummary: (data: unknown) => Record<string, string>;
}

const recorder: Recorder = { requests: [], counted: [], checks: [] };
const environment: Record<string, string> = {};
for (const name of ["URL", "RATE", "DURATION_S", "VANTAGES", "SUMMARY", "CONTROL_URL", "TOKEN"]) {
  const value = process.env[name];
  if (value !== undefined) environment[name] = value;
}
Object.assign(globalThis, { recorder, __ENV: { ...environment } });

const MODULES: Readonly<Record<string, string>> = {
  k6: `export const check = (value, rules) => {
    for (const [name, rule] of Object.entries(rules)) if (rule(value)) recorder.checks.push(name);
  };`,
  "k6/http": `const ask = (method) => (url, ...rest) => {
    const { headers } = rest.at(-1);
    recorder.requests.push({ method, url, headers });
    return { status: 200, headers: { "X-Edge-Route": "ny1" }, body: "" };
  };
  export default {
    get: ask("GET"), post: ask("POST"), setResponseCallback() {}, expectedStatuses: (...codes) => codes,
  };`,
  "k6/metrics": `export class Counter { add(_value, tags) { recorder.counted.push(tags); } }`,
  "k6/execution": `export default { test: { abort(reason) { throw new Error(reason); } } };`,
};

registerHooks({
  resolve(specifier, context, next) {
    if (specifier in MODULES) return { url: `k6-module:${specifier}`, format: "module", shortCircuit: true };
    const isRelative = specifier.startsWith("./") || specifier.startsWith("../");
    if (!isRelative && context.parentURL?.includes("/loadtest/")) {
      throw new Error(`k6 cannot import "${specifier}"`);
    }
    return next(specifier, context);
  },
  load(url, context, next) {
    const source = url.startsWith("k6-module:") ? MODULES[url.slice("k6-module:".length)] : undefined;
    return source === undefined ? next(url, context) : { format: "module", source, shortCircuit: true };
  },
});

const script = (await import(pathToFileURL(process.argv[2]!).href)) as K6Script;
for (const { env, exec } of Object.values(script.options.scenarios)) {
  Object.assign(globalThis, { __ENV: { ...environment, ...env } });
  if (exec === "order") script.order!();
  else script.default();
}
const summary = script.handleSummary({ metrics: { http_reqs: { values: { count: 42 } } } });
process.stdout.write(JSON.stringify({ options: script.options, ...recorder, summary }));
