/** A command failed and has said so itself, in its own form (a list of configuration errors, say): only the status is left. */
export class ReportedError extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`ended with status ${exitCode}`);
    this.name = "ReportedError";
    this.exitCode = exitCode;
  }
}
