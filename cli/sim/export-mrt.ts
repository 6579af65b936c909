/**
 * `anycastle sim replay --mrt`: the table of chosen peers when the change begins, and their updates after it, in one MRT
 * file, as RIS and RouteViews would have it. The epoch is when the change began: a simulation has no date.
 */
import { UserError } from "#core/errors.ts";
import { ORIGIN, parseIpv4, parsePrefix, SEGMENT, type PathAttributes, type Prefix } from "#bgp/messages.ts";
import { encodeMrtMessage, encodeMrtPeers, encodeMrtTable, type MrtPeer } from "#bgp/mrt/encode-mrt.ts";
import { collectTable, collectUpdates, type CollectedRoute } from "#sim/recording/collector.ts";
import type { Replay } from "#sim/recording/replay.ts";
import { WholeFile } from "./write-whole.ts";

/** Of documentation (RFC 5398) and of benchmarks (RFC 2544): neither is anybody's. */
const COLLECTOR: MrtPeer = { as: 64_511, address: parseIpv4("198.18.255.255") };
const FIRST_PEER_ADDRESS = parseIpv4("198.18.0.1");
/** AS numbers of one segment (RFC 4271 §4.3), and of a path that fits a message of 4096 octets with the rest of it. */
const SEGMENT_MAX = 255;
const PATH_MAX = 900;

export interface MrtRange {
  /** The table is of this moment, updates are after it. */
  readonly fromUs: number;
  readonly untilUs: number;
}

export interface MrtCounts {
  readonly routes: number;
  readonly updates: number;
}

/** Throws `UserError` for a prefix that is none and for an AS that is not in the graph. */
export function exportMrt(
  replay: Replay,
  file: string,
  peers: readonly number[],
  prefixText: string,
  { fromUs, untilUs }: MrtRange,
): MrtCounts {
  const prefix = prefixOf(prefixText);
  const vertices = peers.map((as) => vertexOfAs(replay, as));
  const neighbors = peers.map((as, index): MrtPeer => ({ as, address: FIRST_PEER_ADDRESS + index }));
  const whole = new WholeFile(file);
  try {
    const atS = Math.floor(fromUs / 1e6);
    const table = collectTable(replay, vertices, fromUs).flatMap((route, peer) =>
      route === undefined
        ? []
        : [{ peer, originatedS: atS, attributes: attributesOf(route, neighbors[peer]!) }],
    );
    whole.writeBytes(encodeMrtPeers(atS, COLLECTOR, neighbors));
    whole.writeBytes(encodeMrtTable(atS, 0, prefix, table));
    let updates = 0;
    for (const { peer, atUs, route } of collectUpdates(replay, vertices, fromUs, untilUs)) {
      const neighbor = neighbors[peer]!;
      whole.writeBytes(
        encodeMrtMessage(
          atUs,
          neighbor,
          COLLECTOR,
          route === undefined
            ? { type: "update", withdrawn: [prefix], announced: [] }
            : {
                type: "update",
                withdrawn: [],
                announced: [prefix],
                attributes: attributesOf(route, neighbor),
              },
        ),
      );
      updates += 1;
    }
    whole.finish();
    return { routes: table.length, updates };
  } catch (error) {
    whole.discard();
    throw error;
  }
}

function attributesOf({ asPath, communities }: CollectedRoute, { address }: MrtPeer): PathAttributes {
  if (asPath.length > PATH_MAX) {
    throw new UserError(
      "PATH_TOO_LONG",
      `a path of ${asPath.length} ASes does not fit a BGP message, so no router would have told it`,
      { hint: "--csv or --ndjson have paths of any length" },
    );
  }
  const segments = [];
  for (let at = 0; at < asPath.length; at += SEGMENT_MAX) {
    segments.push({ kind: SEGMENT.sequence, ases: asPath.slice(at, at + SEGMENT_MAX) });
  }
  return {
    origin: ORIGIN.igp,
    asPath: segments,
    nextHop: address,
    ...(communities.length === 0 ? {} : { communities }),
  };
}

function prefixOf(text: string): Prefix {
  try {
    return parsePrefix(text);
  } catch (error) {
    throw new UserError("PREFIX_INVALID", `--prefix "${text.slice(0, 60)}" is no IPv4 prefix`, {
      hint: "--prefix 203.0.113.0/24",
      cause: error,
    });
  }
}

/** Throws `UserError` where the graph has no such AS, or several routers bear its number. */
export function vertexOfAs({ graph, recording }: Replay, as: number): number {
  const vertex = graph.asn.indexOf(as);
  if (vertex === -1) {
    throw new UserError("AS_UNKNOWN", `AS ${as} is not in the graph of ${recording.header.graph.name}`, {
      hint: "`anycastle sim path --from` has the same numbers",
    });
  }
  if (graph.asn.indexOf(as, vertex + 1) === -1) return vertex;
  throw new UserError("AS_AMBIGUOUS", `AS ${as} is the service's own and stands at several sites`, {
    hint: "name another AS",
  });
}
