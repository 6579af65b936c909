/** BIRD 2 on one side of a link: its configuration is a file that people can use, its answers come from `birdc`. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Link, Side } from "./namespaces.ts";
import { programPath } from "./needs.ts";
import { ask, Program, until } from "./program.ts";

/** Classes of log lines by which BIRD complains of us, or of itself. */
const COMPLAINT = /<(?:RMT|ERR|WARN|BUG|AUTH|FATAL)>/;

export interface BirdRoute {
  /** What `show route all` prints of it. */
  readonly text: string;
  readonly asPath: string;
  readonly nextHop: string;
  readonly origin: string;
  readonly localPref: number;
  readonly communities: readonly string[];
}

export class Bird {
  readonly program: Program;
  readonly #control: string;
  readonly #log: string;

  private constructor(program: Program, control: string, log: string) {
    this.program = program;
    this.#control = control;
    this.#log = log;
  }

  /** `edit` changes the text of the file, for what no example shows. */
  static async start(
    link: Link,
    side: Side,
    file: string,
    edit: (text: string) => string = (text) => text,
  ): Promise<Bird> {
    const directory = mkdtempSync(join(tmpdir(), "anycastle-bird-"));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    const config = join(directory, "bird.conf");
    const log = join(directory, "bird.log");
    const control = join(directory, "bird.ctl");
    writeFileSync(config, `log "${log}" all;\ndebug protocols all;\n${edit(readFileSync(file, "utf8"))}`);
    const program = new Program(link, side, [programPath("bird")!, "-f", "-c", config, "-s", control]);
    const bird = new Bird(program, control, log);
    await until(
      "bird's control socket",
      () => bird.#isListening(),
      5000,
      () => bird.#story(),
    );
    return bird;
  }

  async ask(...words: string[]): Promise<string> {
    return ask([programPath("birdc")!, "-s", this.#control, ...words]);
  }

  async route(prefix: string): Promise<BirdRoute | undefined> {
    const text = await this.ask("show", "route", "all", "where", "net", "=", prefix);
    if (!text.includes(prefix)) return undefined;
    const field = (name: string): string => new RegExp(`BGP\\.${name}: (.*)`).exec(text)?.[1]?.trim() ?? "";
    return {
      text,
      asPath: field("as_path"),
      nextHop: field("next_hop"),
      origin: field("origin"),
      localPref: Number(field("local_pref")),
      communities: field("community").split(" ").filter(Boolean),
    };
  }

  untilRoute(prefix: string, isIt: (route: BirdRoute) => boolean = () => true): Promise<BirdRoute> {
    const look = async (): Promise<BirdRoute | undefined> => {
      const route = await this.route(prefix);
      return route !== undefined && isIt(route) ? route : undefined;
    };
    return until(`the route of ${prefix}`, look, 15_000, () => this.#story());
  }

  untilNoRoute(prefix: string): Promise<true> {
    const look = async (): Promise<true | undefined> =>
      (await this.route(prefix)) === undefined ? true : undefined;
    return until(`${prefix} to be gone`, look, 15_000, () => this.#story());
  }

  untilLog(pattern: RegExp, from = 0): Promise<string> {
    return until(
      `${pattern} in bird's log`,
      () =>
        this.log()
          .slice(from)
          .find((line) => pattern.test(line)),
      15_000,
      () => this.#story(),
    );
  }

  log(): string[] {
    return existsSync(this.#log) ? readFileSync(this.#log, "utf8").split("\n") : [];
  }

  /** What BIRD found wrong, without the dates. */
  complaints(): string[] {
    return this.log()
      .filter((line) => COMPLAINT.test(line))
      .map((line) => line.replace(/^[\d-]+ [\d:.]+ /, ""));
  }

  /** The file is there a moment before anybody listens on it. */
  async #isListening(): Promise<true | undefined> {
    if (this.program.hasEnded) throw new Error(`bird has ended\n${this.#story()}`);
    if (!existsSync(this.#control)) return undefined;
    return this.ask("show", "status").then(
      () => true as const,
      () => undefined,
    );
  }

  #story(): string {
    return [...this.program.lines, ...this.log().slice(-20)].join("\n");
  }
}
