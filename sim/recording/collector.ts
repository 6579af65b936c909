/**
 * What a route collector hears from chosen ASes that peer with it, as RIS and RouteViews do: each peer tells its best
 * route, whoever it is from, as soon as it changes, its own AS in front. A change that looks the same from outside (the
 * other router of one site) is not told. Left out: the MRAI of the collector's own sessions, which real ones have.
 */
import { countUntil, type Replay } from "./replay.ts";

/** Well-known communities (RFC 8326, RFC 3765). */
const GRACEFUL_SHUTDOWN = 0xffff_0000;
const NOPEER = 0xffff_ff04;

/** What a peer tells of the prefix. */
export interface CollectedRoute {
  /** AS_PATH, the peer first. */
  readonly asPath: readonly number[];
  readonly communities: readonly number[];
}

export interface CollectedUpdate {
  /** Position in `peers`. */
  readonly peer: number;
  readonly atUs: number;
  /** Undefined: a withdrawal. */
  readonly route: CollectedRoute | undefined;
}

/** What the collector knows of each peer at `atUs`. Moves the cursor. */
export function collectTable(
  replay: Replay,
  peers: readonly number[],
  atUs: number,
): (CollectedRoute | undefined)[] {
  replay.seek(atUs);
  return peers.map((vertex) => routeOf(replay, vertex, replay.bestPath(vertex)));
}

/** What it hears after `fromUs`, up to and including `toUs`. */
export function* collectUpdates(
  replay: Replay,
  peers: readonly number[],
  fromUs: number,
  toUs: number,
): Generator<CollectedUpdate> {
  const indexOf = new Map(peers.map((vertex, index) => [vertex, index]));
  const told = collectTable(replay, peers, fromUs).map(keyOf);
  const { changes } = replay.recording;
  const end = countUntil(changes, toUs);
  for (let at = countUntil(changes, fromUs); at < end; at++) {
    const peer = indexOf.get(changes.vertex[at]!);
    if (peer === undefined) continue;
    const route = routeOf(replay, peers[peer]!, changes.path[at]!);
    const key = keyOf(route);
    if (key === told[peer]) continue;
    told[peer] = key;
    yield { peer, atUs: changes.atUs[at]!, route };
  }
}

function routeOf(replay: Replay, vertex: number, path: number): CollectedRoute | undefined {
  const { head, parent, isGraceful, isNoExport, isNoPeer } = replay.recording.paths;
  if (path === 0) return undefined;
  const isOwn = parent[path] === 0 && head[path] === vertex;
  // What was heard with NO_EXPORT is told to nobody, a collector included (RFC 1997).
  if (!isOwn && isNoExport[path] === 1) return undefined;
  const heard = replay.asPath(path);
  return {
    asPath: isOwn ? heard : [replay.graph.asn[vertex]!, ...heard],
    communities: [
      ...(isGraceful[path] === 1 ? [GRACEFUL_SHUTDOWN] : []),
      ...(isNoPeer[path] === 1 ? [NOPEER] : []),
    ],
  };
}

function keyOf(route: CollectedRoute | undefined): string {
  return route === undefined ? "" : `${route.asPath.join(" ")}|${route.communities.join(" ")}`;
}
