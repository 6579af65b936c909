/**
 * The events of a recording as rows for other programs: messages as they arrived and best paths as they changed, in the
 * order in which they happened, with AS numbers instead of the file's own numbers.
 */
import { countUntil, type Replay } from "#sim/recording/replay.ts";

const NONE = -1;

export interface ReplayRow {
  /** µs since the change began. */
  readonly atUs: number;
  /** `announce` and `withdraw`: what a neighbour said; `best`: what the AS chose; `none`: it has no route left. */
  readonly event: "announce" | "withdraw" | "best" | "none";
  readonly as: number;
  /** Who said it; for a choice, whom packets go to. Null at a site itself and without a route. */
  readonly neighbor: number | null;
  /** Name of the site at the end of the path; null without one. */
  readonly site: string | null;
  /** AS path as heard, nearest first, prepends included. */
  readonly path: readonly number[];
}

export const ROW_COLUMNS = ["at_us", "event", "as", "neighbor", "site", "path"] as const;

export interface RowRange {
  /** Events after this moment; -1 for all. */
  readonly afterUs: number;
  readonly untilUs: number;
  /** Only of this vertex. */
  readonly vertex: number | undefined;
}

export function* replayRows(replay: Replay, { afterUs, untilUs, vertex }: RowRange): Generator<ReplayRow> {
  const { changes, messages, header } = replay.recording;
  const nameOf = new Map(header.sites.map((site) => [site.vertex, site.site]));
  const [changeEnd, messageEnd] = [countUntil(changes, untilUs), countUntil(messages, untilUs)];
  let change = countUntil(changes, afterUs);
  let message = countUntil(messages, afterUs);
  while (change < changeEnd || message < messageEnd) {
    // A message comes before the choice that it leads to.
    const isMessage =
      message < messageEnd && (change >= changeEnd || messages.atUs[message]! <= changes.atUs[change]!);
    const columns = isMessage ? messages : changes;
    const index = isMessage ? message++ : change++;
    if (vertex !== undefined && columns.vertex[index] !== vertex) continue;
    const path = columns.path[index]!;
    yield {
      atUs: columns.atUs[index]!,
      event: isMessage ? (path === 0 ? "withdraw" : "announce") : path === 0 ? "none" : "best",
      as: replay.graph.asn[columns.vertex[index]!]!,
      neighbor: neighborOf(
        replay,
        isMessage ? messages.from[index]! : nextOf(replay, columns.vertex[index]!, path),
      ),
      site: path === 0 ? null : (nameOf.get(replay.recording.paths.site[path]!) ?? null),
      path: replay.asPath(path),
    };
  }
}

function nextOf(replay: Replay, vertex: number, path: number): number {
  const next = path === 0 ? NONE : replay.recording.paths.head[path]!;
  return next === vertex ? NONE : next;
}

function neighborOf(replay: Replay, vertex: number): number | null {
  return vertex === NONE ? null : replay.graph.asn[vertex]!;
}

/** RFC 4180: a site's name has no comma or quote in it, so nothing needs quotes. */
export function csvLine({ atUs, event, as, neighbor, site, path }: ReplayRow): string {
  return [atUs, event, as, neighbor ?? "", site ?? "", path.join(" ")].join(",");
}
