/**
 * What happens when standard output takes no more. A command has its reader's leave to end (`| head`), and fails on a full
 * disk; a service goes on, since its clients are not its readers.
 */
import { codeOf, EXIT, messageOf } from "#core/errors.ts";

let isService = false;
let isTold = false;

/** From now on the process outlives whoever reads its standard output. */
export function outliveReader(): void {
  isService = true;
}

export function outlivesReader(): boolean {
  return isService;
}

export function listenForUnwritten(): void {
  process.stdout.on("error", (error) => {
    const isUnread = codeOf(error) === "EPIPE";
    if (!isService) {
      if (isUnread) process.exit(EXIT.ok);
      process.stderr.write(`error: the result cannot be written: ${messageOf(error)}\n`);
      process.exit(EXIT.failure);
    }
    if (isTold) return;
    isTold = true;
    const why = isUnread ? "nobody reads it" : messageOf(error);
    process.stderr.write(`standard output cannot be written (${why}); the gateway serves on\n`);
  });
}
