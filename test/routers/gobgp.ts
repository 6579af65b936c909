/** GoBGP on one side of a link; its answers come from `gobgp` as JSON, over a socket file that no namespace hides. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { NODE_ADDRESS, type Link, type Side } from "./namespaces.ts";
import { programPath } from "./needs.ts";
import { ask, Program, until } from "./program.ts";
import type { RealRouter, SeenRoute } from "./real-router.ts";

interface GoAttribute {
  readonly type: number;
  readonly nexthop?: string;
  readonly value?: number;
  readonly communities?: readonly number[];
  readonly as_paths?: readonly { readonly asns: readonly number[] }[];
}

type GoRib = Readonly<Record<string, readonly { readonly attrs: readonly GoAttribute[] }[]>>;

const ATTRIBUTE = { asPath: 2, nextHop: 3, localPref: 5, communities: 8 } as const;

export async function startGobgp(link: Link, side: Side, file: string): Promise<RealRouter> {
  const directory = mkdtempSync(join(tmpdir(), "anycastle-gobgp-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const socket = `unix://${join(directory, "api.sock")}`;
  const program = new Program(link, side, [
    programPath("gobgpd")!,
    "-f",
    file,
    `--api-hosts=${socket}`,
    "--log-level=debug",
  ]);
  const gobgp = (...words: string[]): Promise<string> =>
    ask([programPath("gobgp")!, "--target", socket, ...words]);
  const lines = (): string => program.lines.slice(-20).join("\n");
  await until("gobgpd's socket", () => existsSync(join(directory, "api.sock")) || undefined, 10_000, lines);
  await until(
    "gobgpd's peer",
    () => program.lines.some((line) => line.includes("Add a peer")) || undefined,
    10_000,
    lines,
  );
  return {
    program,
    async route(prefix): Promise<SeenRoute | undefined> {
      const rib = JSON.parse(await gobgp("-j", "global", "rib")) as GoRib;
      const attributes = rib[prefix]?.[0]?.attrs;
      if (attributes === undefined) return undefined;
      const one = (type: number): GoAttribute | undefined => attributes.find((each) => each.type === type);
      return {
        asPath: (one(ATTRIBUTE.asPath)?.as_paths ?? []).flatMap(({ asns }) => asns).join(" "),
        nextHop: one(ATTRIBUTE.nextHop)?.nexthop ?? "",
        localPref: one(ATTRIBUTE.localPref)?.value,
        communities: (one(ATTRIBUTE.communities)?.communities ?? []).map(
          (each) => `${each >>> 16}:${each & 0xffff}`,
        ),
      };
    },
    async withdraw(prefix) {
      await gobgp("global", "rib", "del", prefix);
    },
    async announce(prefix) {
      await gobgp("global", "rib", "add", prefix, "nexthop", NODE_ADDRESS);
    },
    async refresh(peer) {
      await gobgp("neighbor", peer, "softresetin");
    },
  };
}
