/** All providers behind one call, and the question that a `probe` tolerance asks. Faults are not calls: the engine does them. */
import type { HttpCall, InjectCall, ProcessCall, PythonCall, RemoveCall } from "../experiment/experiment.ts";
import { isObject, type Json } from "../experiment/json.ts";
import type { Scope } from "../experiment/scope.ts";
import type { Tolerance } from "../experiment/tolerance.ts";
import { ActivityFailedError, type Provider } from "./provider.ts";

export type ProvidedCall = HttpCall | ProcessCall | PythonCall;

export class Providers implements Provider<ProvidedCall> {
  readonly #http: Provider<HttpCall>;
  readonly #process: Provider<ProcessCall>;
  readonly #python: Provider<PythonCall>;

  constructor(http: Provider<HttpCall>, process: Provider<ProcessCall>, python: Provider<PythonCall>) {
    this.#http = http;
    this.#process = process;
    this.#python = python;
  }

  run(call: ProvidedCall, scope: Scope, signal: AbortSignal): Promise<Json> {
    if (call.type === "http") return this.#http.run(call, scope, signal);
    return call.type === "process"
      ? this.#process.run(call, scope, signal)
      : this.#python.run(call, scope, signal);
  }

  /** Runs the call of a `probe` tolerance, which gets the value as one more argument. */
  async ask(
    { call, name }: Tolerance & { type: "probe" },
    value: Json,
    scope: Scope,
    signal: AbortSignal,
  ): Promise<Json> {
    const asked = withValue(call, value);
    if (asked === undefined)
      throw new ActivityFailedError(`the tolerance ${name} is a fault, and no question`);
    return this.run(asked, scope, signal);
  }
}

function withValue(call: ProvidedCall | InjectCall | RemoveCall, value: Json): ProvidedCall | undefined {
  if (call.type === "inject" || call.type === "remove") return undefined;
  // A map of words is a list of them since it was read: the name, then the value.
  if (call.type === "process") return { ...call, arguments: [...call.arguments, "value", value] };
  if (call.type === "python") return { ...call, arguments: { ...call.arguments, value } };
  return { ...call, arguments: isObject(call.arguments) ? { ...call.arguments, value } : { value } };
}
