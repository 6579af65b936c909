/**
 * A command in a real terminal: a pseudo terminal of Python's `pty` module or of util-linux' `script`, typed into through
 * a pipe and read from another. `screen` is the last picture that a full-screen program has finished drawing.
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { stripVTControlCharacters } from "node:util";

const ROWS = 44;
const COLUMNS = 120;
/** Where a picture begins, and where it ends (cli/demo/live-view.ts). */
const PICTURE_FIRST = "\u001b[H";
const PICTURE_LAST = "\u001b[J";
/** The end of what the terminal was sent that is searched. */
const KEPT_CHARS_MAX = 4_000_000;

/** Reads and writes until the command has ended; its status is the status. */
const PYTHON = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])) % 256)";

export interface TerminalOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Undefined where there is neither. */
export function terminalCommand():
  | ((words: readonly string[]) => readonly [string, ...string[]])
  | undefined {
  if (spawnSync("python3", ["-c", "import pty"]).status === 0) {
    return (words) => ["python3", "-c", PYTHON, ...words];
  }
  if (spawnSync("script", ["--version"]).status === 0) {
    const quoted = (words: readonly string[]): string =>
      words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
    return (words) => ["script", "-q", "-e", "-c", quoted(words), "/dev/null"];
  }
  return undefined;
}

export class Terminal {
  readonly child: ChildProcess;
  /** Status of the command. */
  readonly ended: Promise<number | null>;
  /** Everything the terminal was sent, its control characters included. */
  output = "";
  #isEnded = false;
  #wake: () => void = () => undefined;

  /** `script` runs in the terminal by a shell, with `words` as its "$@"; the size is set before. */
  constructor(script: string, words: readonly string[], { cwd, env }: TerminalOptions) {
    const sized = `stty rows ${ROWS} cols ${COLUMNS}; ${script}`;
    const [file, ...args] = terminalCommand()!(["sh", "-c", sized, "sh", ...words]);
    this.child = spawn(file, args, { cwd, env, stdio: ["pipe", "pipe", "inherit"] });
    this.child.stdin!.on("error", () => undefined);
    this.child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      this.output = (this.output + text).slice(-KEPT_CHARS_MAX);
      this.#wake();
    });
    this.ended = new Promise((resolve) => {
      this.child.on("close", (status) => {
        this.#isEnded = true;
        resolve(status);
        this.#wake();
      });
    });
  }

  /** The last finished picture, as text. */
  get screen(): string {
    const last = this.output.lastIndexOf(PICTURE_LAST);
    const first = last < 0 ? -1 : this.output.lastIndexOf(PICTURE_FIRST, last);
    return first < 0 ? "" : stripVTControlCharacters(this.output.slice(first, last));
  }

  type(keys: string): void {
    this.child.stdin!.write(keys);
  }

  /** The first picture that matches; rejects when the command ends before. */
  async shows(pattern: RegExp): Promise<string> {
    await this.#until(() => pattern.test(this.screen), String(pattern));
    return this.screen;
  }

  /** Resolves once the terminal was sent this text; rejects when the command ends before. */
  said(text: string): Promise<void> {
    return this.#until(() => this.output.includes(text), text);
  }

  async #until(isIt: () => boolean, what: string): Promise<void> {
    while (!isIt()) {
      if (this.#isEnded)
        throw new Error(
          `ended without ${what}; the last picture:\n${this.screen}\n${this.output.slice(-2_000)}`,
        );
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
