/** A drill from its first process to its last: a scratch directory, and nothing that outlives it, however it ends. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { killAll } from "../processes.ts";

const EXIT_INTERRUPTED = 130;

export async function withinDrill(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "anycastle-drill-"));
  const end = (): void => {
    killAll();
    rmSync(directory, { recursive: true, force: true });
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      end();
      process.exit(EXIT_INTERRUPTED);
    });
  }
  try {
    await work(directory);
  } finally {
    end();
  }
}
