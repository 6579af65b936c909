/**
 * The `process` provider. It runs only for people who said `--allow-process`: an experiment is a file from somewhere,
 * and running what it names must never follow from reading it.
 */
import { messageOf } from "#core/errors.ts";
import type { ProcessCall } from "../experiment/experiment.ts";
import type { Json } from "../experiment/json.ts";
import { pythonText } from "../experiment/python-value.ts";
import type { Scope } from "../experiment/scope.ts";
import { substitute } from "../experiment/template.ts";
import { ActivityFailedError, type Provider } from "./provider.ts";
import type { RunProcess } from "./run-process.ts";

/** When the file has no timeout of its own; Chaos Toolkit would wait for ever. */
const TIMEOUT_MS_DEFAULT = 60_000;

export class ProcessProvider implements Provider<ProcessCall> {
  readonly #run: RunProcess;
  readonly #isAllowed: boolean;

  constructor(run: RunProcess, isAllowed: boolean) {
    this.#run = run;
    this.#isAllowed = isAllowed;
  }

  run(call: ProcessCall, scope: Scope, signal: AbortSignal): Promise<Json> {
    return this.runWithInput(call, undefined, scope, signal);
  }

  /** `input` goes to the program's standard input. */
  async runWithInput(
    { path, arguments: given, timeoutMs }: ProcessCall,
    input: string | undefined,
    scope: Scope,
    signal: AbortSignal,
  ): Promise<Json> {
    if (!this.#isAllowed) {
      throw new ActivityFailedError(`the experiment wants to run ${path}: allow it with --allow-process`);
    }
    const words = given
      .map((word) => (scope.isEmpty ? word : substitute(word, scope.lookup)))
      .filter((word) => word !== null && word !== "")
      .map(pythonText);
    try {
      const { status, stdout, stderr } = await this.#run(
        {
          path,
          words,
          timeoutMs: timeoutMs ?? TIMEOUT_MS_DEFAULT,
          ...(input === undefined ? {} : { input }),
        },
        signal,
      );
      return { status, stdout, stderr };
    } catch (error) {
      signal.throwIfAborted();
      // The cause is left out: it may quote the words.
      throw new ActivityFailedError(scope.redactor.text(messageOf(error)));
    }
  }
}
