/**
 * `anycastle gateway`: the health-routing gateway in front of upstreams of your own. No lab, no simulator, no
 * emulation: what the file says and nothing else.
 */
import { Option, type Command } from "commander";
import { examples, hostPort, logFormatOption, logLevelOption, zoneId } from "./arguments.ts";
import { outputOf } from "./output.ts";
import type { LogFlags } from "./process-log.ts";

export interface GatewayFlags extends LogFlags {
  readonly config?: string;
  readonly listen?: string;
  readonly admin?: string;
  readonly zone?: string;
  readonly adminTokenFile?: string;
  readonly ndjson?: true;
  readonly watch?: true;
  readonly check?: true;
  readonly diff?: true;
}

export function addGateway(program: Command): void {
  program
    .command("gateway")
    .description("run the gateway in front of your own servers")
    .option("-c, --config <file>", "its configuration; without it anycastle.yaml here, above, or of the user")
    .addOption(
      new Option("--listen <host:port>", "overrides `listen`")
        .argParser(hostPort(false))
        .env("ANYCASTLE_LISTEN"),
    )
    .addOption(
      new Option("--admin <host:port|off>", "overrides `admin`")
        .argParser(hostPort(true))
        .env("ANYCASTLE_ADMIN"),
    )
    .addOption(
      new Option("--zone <id>", "overrides `balancer.zone.id`: the zone it runs in")
        .argParser(zoneId)
        .env("ANYCASTLE_ZONE"),
    )
    .option(
      "--admin-token-file <file>",
      "token of admin calls that change something; or ANYCASTLE_ADMIN_TOKEN",
    )
    .option("--watch", "read the file again whenever it changes; SIGHUP does so at any time")
    .option("--check", "only say whether the file is good")
    .addOption(
      new Option("--diff", "only say what a reload of the running gateway would change").conflicts("check"),
    )
    .addOption(logFormatOption())
    .addOption(logLevelOption())
    .option("--ndjson", "events on standard output, one JSON document a line")
    .addHelpText(
      "after",
      `\nCtrl-C or SIGTERM lets open requests finish (limits.drainTimeoutMs), a second one ends at once.\nSIGHUP reads the file again; SIGUSR2 starts a successor that takes over the sockets.\n${examples(
        ["anycastle config init", "write an anycastle.yaml to start from"],
        ["anycastle gateway", "with ./anycastle.yaml"],
        ["anycastle gateway -c edge.yaml --listen 0.0.0.0:80", "another file, another address"],
        ["curl -s localhost:8082/status", "what it thinks of each node"],
      )}`,
    )
    .action(async (options: GatewayFlags, command: Command) => {
      const { runGateway } = await import("./gateway/run-gateway.ts");
      process.exitCode = await runGateway(outputOf(command), options);
    });
}
