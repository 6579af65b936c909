/** The lab's end of the pipe to its guardian (`guardian/main.ts`). */
import { spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { childEnvironment } from "#core/host/environment.ts";

const ENTRY = fileURLToPath(new URL("../../bin/cast.js", import.meta.url));

export class Guardian {
  readonly #child: ChildProcess;

  constructor(environment: Readonly<Record<string, string>>) {
    this.#child = spawn(process.execPath, [ENTRY, "guardian"], {
      stdio: ["pipe", "ignore", "ignore"],
      env: childEnvironment(environment),
      // Not in the terminal's group: Ctrl-C must not end it before its work is done.
      detached: true,
    });
    this.#child.stdin!.on("error", () => undefined);
    this.#child.on("error", () => undefined);
    this.#child.unref();
  }

  get pid(): number | null {
    return this.#child.pid ?? null;
  }

  watch(pid: number): void {
    this.#tell({ watch: pid });
  }

  forget(pid: number): void {
    this.#tell({ forget: pid });
  }

  /** The file goes too, if it still holds `pid`. */
  removeAtEnd(file: string, pid: number): void {
    this.#tell({ file, pid });
  }

  /** The lab has ended in order; whatever is still watched is killed. */
  dismiss(): void {
    this.#child.stdin!.end();
  }

  #tell(value: unknown): void {
    if (this.#child.stdin!.writable) this.#child.stdin!.write(`${JSON.stringify(value)}\n`);
  }
}
