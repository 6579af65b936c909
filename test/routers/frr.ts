/**
 * FRR's bgpd on one side of a link, alone: without zebra it keeps its routes to itself, which is all these tests look
 * at. Its answers come from `vtysh` as JSON.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Link, Side } from "./namespaces.ts";
import { programPath } from "./needs.ts";
import { ask, Program, until } from "./program.ts";
import type { RealRouter, SeenRoute } from "./real-router.ts";

interface FrrRoute {
  readonly paths?: readonly {
    readonly valid?: boolean;
    readonly aspath: { readonly string: string };
    readonly nexthops: readonly { readonly ip: string }[];
    readonly locPrf?: number;
    readonly community?: { readonly list: readonly string[] };
  }[];
}

/** Names that FRR prints for what RFC 1997 and its registry write as numbers. */
const COMMUNITY_NAMES: Readonly<Record<string, string>> = { gracefulShutdown: "65535:0" };

export async function startFrr(link: Link, side: Side, file: string): Promise<RealRouter> {
  const directory = mkdtempSync(join(tmpdir(), "anycastle-frr-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const program = new Program(link, side, [
    programPath("bgpd")!,
    "--no_zebra",
    "--skip_runas",
    "--log=stdout",
    "--vty_port=0",
    `--vty_socket=${directory}`,
    `--pid_file=${join(directory, "bgpd.pid")}`,
    `--config_file=${file}`,
  ]);
  await until(
    "bgpd's socket",
    () => (existsSync(join(directory, "bgpd.vty")) ? true : undefined),
    10_000,
    () => program.lines.join("\n"),
  );
  const vtysh = (...commands: string[]): Promise<string> =>
    ask([programPath("vtysh")!, "--vty_socket", directory, ...commands.flatMap((line) => ["-c", line])]);
  return {
    program,
    async route(prefix): Promise<SeenRoute | undefined> {
      const { paths } = JSON.parse(await vtysh(`show bgp ipv4 unicast ${prefix} json`)) as FrrRoute;
      const path = paths?.[0];
      if (path === undefined) return undefined;
      return {
        asPath: path.aspath.string,
        nextHop: path.nexthops[0]!.ip,
        localPref: path.locPrf,
        communities: (path.community?.list ?? []).map((name) => COMMUNITY_NAMES[name] ?? name),
      };
    },
    async withdraw(prefix) {
      await vtysh(
        "configure terminal",
        "router bgp 64501",
        "address-family ipv4 unicast",
        `no network ${prefix}`,
      );
    },
    async announce(prefix) {
      await vtysh(
        "configure terminal",
        "router bgp 64501",
        "address-family ipv4 unicast",
        `network ${prefix}`,
      );
    },
    async refresh(peer) {
      await vtysh(`clear bgp ipv4 unicast ${peer} in`);
    },
  };
}
