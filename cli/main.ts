/**
 * Entry of the command line. It parses, runs one command, and turns whatever was thrown into the contract: the result
 * on standard output, `error:` and a hint on standard error (with `--json` the error is a document too), a status of
 * `EXIT`.
 *
 * Nothing is awaited at the top level: a command that leaves the process with nothing to wait for ends it with the
 * status it has set.
 */
import { CommanderError } from "commander";
import { EXIT, UserError } from "#core/errors.ts";
import { createProgram } from "./program.ts";
import { ReportedError } from "./reported-error.ts";
import { listenForUnwritten, outlivesReader } from "./unwritten.ts";

const ERROR_SCHEMA = "anycastle.error/v1";

listenForUnwritten();
// Nobody reads the progress any more; the result is still wanted.
process.stderr.on("error", () => undefined);
process.on("uncaughtException", (error) => finish(report(error)));
process.on("unhandledRejection", (reason) => finish(report(reason)));

void main();

async function main(): Promise<void> {
  try {
    const program = await createProgram(process.argv.slice(2));
    await program.parseAsync();
    finish(Number(process.exitCode ?? EXIT.ok));
  } catch (error) {
    finish(report(error));
  }
}

/** Once what was written has gone out; if it cannot, the listener above has the last word. */
function finish(status: number): void {
  process.exitCode = status;
  process.stdout.write("", (error) => {
    if (error === undefined || error === null || outlivesReader()) process.exit(status);
  });
}

function report(thrown: unknown): number {
  if (thrown instanceof ReportedError) return thrown.exitCode;
  if (thrown instanceof CommanderError) {
    // Help and version have been printed; a command that needs a subcommand has printed its help.
    if (thrown.exitCode === 0) return EXIT.ok;
    if (thrown.code === "commander.help") return EXIT.usage;
  }
  const error = thrown instanceof CommanderError ? usageErrorOf(thrown) : thrown;
  if (error instanceof UserError) return reportUserError(error);
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`error: this should not happen, and is a bug of anycastle:\n${text}\n`);
  return EXIT.failure;
}

function reportUserError({ code, message, hint, exitCode }: UserError): number {
  if (process.argv.includes("--json")) {
    const error = hint === undefined ? { code, message } : { code, message, hint };
    process.stdout.write(`${JSON.stringify({ schema: ERROR_SCHEMA, error }, undefined, 2)}\n`);
  }
  process.stderr.write(`error: ${message}\n${hint === undefined ? "" : `  ${hint}\n`}`);
  return exitCode;
}

/** commander's `error: unknown command 'tset'`, and on a second line `(Did you mean test?)`. */
function usageErrorOf({ code, message }: CommanderError): UserError {
  const [first = "", second] = message.replace(/^error: /, "").split("\n");
  const didYouMean = second?.replace(/^\(/, "").replace(/\)$/, "").replace(/^Did/, "did");
  return new UserError(code.replace("commander.", "USAGE_").toUpperCase(), first, {
    hint: didYouMean ?? "`--help` after a command shows what it takes",
  });
}
