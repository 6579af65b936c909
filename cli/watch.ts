/** `anycastle watch`: the page, for looking only, beside a gateway and a simulator that no lab started. */
import { InvalidArgumentError, Option, type Command } from "commander";
import { duration, examples, hostPort } from "./arguments.ts";
import { outputOf } from "./output.ts";

const TEST_MS_MIN = 2_000;
const TEST_MS_MAX = 3_600_000;

export interface WatchFlags {
  readonly gateway: string;
  readonly admin: string;
  readonly sim: string;
  readonly listen: string;
  readonly hostName?: readonly string[];
  /** Null: never. */
  readonly testEvery: number | null;
}

export function addWatch(program: Command): void {
  const option = (flags: string, description: string, env: string): Option =>
    new Option(flags, description).env(`ANYCASTLE_WATCH_${env}`);
  program
    .command("watch")
    .description("serve the page, for looking only, beside a gateway and a simulator of yours")
    .addOption(
      option("--gateway <url>", "the gateway, where clients connect", "GATEWAY")
        .argParser(baseUrl)
        .default("http://127.0.0.1:8080"),
    )
    .addOption(
      option("--admin <url>", "its admin API", "ADMIN").argParser(baseUrl).default("http://127.0.0.1:8082"),
    )
    .addOption(
      option("--sim <url>", "the simulator", "SIM").argParser(baseUrl).default("http://127.0.0.1:8083"),
    )
    .addOption(
      option("--listen <host:port>", "where the page is served", "LISTEN")
        .argParser(hostPort(false))
        .default("127.0.0.1:8081"),
    )
    .addOption(
      option(
        "--host-name <names>",
        "names, with commas, under which browsers reach it beside loopback and its addresses",
        "HOST_NAME",
      ).argParser(hostNames),
    )
    .addOption(
      option(
        "--test-every <time>",
        "measure each city through the gateway this often, one request each; off: never",
        "TEST_EVERY",
      )
        .argParser(testEvery)
        .default(10_000, "10s"),
    )
    .addHelpText(
      "after",
      `\nThe page takes no orders; it shows what gateway and simulator tell and what it measures. Neither has to be there.\n${examples(
        ["anycastle watch", "gateway and simulator of this machine, page at http://127.0.0.1:8081/"],
        [
          "anycastle watch --test-every off",
          "nothing is measured, nothing is sent to the gateway's clients' port",
        ],
      )}`,
    )
    .action(async (flags: WatchFlags, command: Command) => {
      const { runWatch } = await import("./watch/run-watch.ts");
      process.exitCode = await runWatch(outputOf(command), flags);
    });
}

function baseUrl(text: string): string {
  const url = URL.parse(text);
  if (url?.protocol === "http:" && url.pathname === "/" && url.search === "" && url.username === "")
    return url.origin;
  throw new InvalidArgumentError("It must be http://host:port, with nothing after the port.");
}

function hostNames(text: string): string[] {
  const names = text.split(",").map((name) => name.trim().toLowerCase());
  if (names.every((name) => /^[a-z0-9.-]{1,253}$/.test(name))) return names;
  throw new InvalidArgumentError("It must be names of hosts without port, with commas between them.");
}

function testEvery(text: string): number | null {
  return text === "off" ? null : duration(TEST_MS_MIN, TEST_MS_MAX)(text);
}
