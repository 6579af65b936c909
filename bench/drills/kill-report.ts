/** What a drill of kills gave, as a table: the gateway beside others. */
import { median, renderTable } from "../results.ts";

export interface KillPiece {
  readonly subject: string;
  readonly version: string;
  readonly kills: number;
  readonly gets: number;
  readonly failedGets: number;
  readonly posts: number;
  readonly failedPosts: number;
  /** POST that were executed more than once. */
  readonly duplicated: number;
  readonly isVoid: boolean;
  readonly voidReasons: readonly string[];
  readonly latencyMs: {
    readonly p50: number | null;
    readonly p99: number | null;
    readonly max: number | null;
  };
  /** By kill, from its confirmation until the node was out of rotation; of the gateway. */
  readonly outMs: readonly number[];
  readonly rescuedMs: readonly number[];
  readonly normalMs: readonly number[];
}

export interface KillSummary extends Omit<KillPiece, "latencyMs" | "isVoid" | "voidReasons"> {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly voidPieces: number;
}

export function summaryOf(pieces: readonly KillPiece[]): KillSummary {
  const sum = (value: (piece: KillPiece) => number): number =>
    pieces.reduce((total, piece) => total + value(piece), 0);
  return {
    subject: pieces[0]?.subject ?? "",
    version: pieces[0]?.version ?? "",
    kills: sum(({ kills }) => kills),
    gets: sum(({ gets }) => gets),
    failedGets: sum(({ failedGets }) => failedGets),
    posts: sum(({ posts }) => posts),
    failedPosts: sum(({ failedPosts }) => failedPosts),
    duplicated: sum(({ duplicated }) => duplicated),
    outMs: pieces.flatMap(({ outMs }) => outMs),
    rescuedMs: pieces.flatMap(({ rescuedMs }) => rescuedMs),
    normalMs: pieces.flatMap(({ normalMs }) => normalMs),
    p50Ms: median(pieces.flatMap(({ latencyMs }) => latencyMs.p50 ?? [])),
    p99Ms: median(pieces.flatMap(({ latencyMs }) => latencyMs.p99 ?? [])),
    maxMs: Math.max(0, ...pieces.map(({ latencyMs }) => latencyMs.max ?? 0)),
    voidPieces: pieces.filter(({ isVoid }) => isVoid).length,
  };
}

/** Upper bound of the share of lost GET, 95 %: 3/n where none was lost (Hanley and Lippman-Hand, JAMA 1983). */
export function bound({ failedGets, gets }: Pick<KillSummary, "gets" | "failedGets">): string {
  return failedGets === 0 && gets > 0 ? (3 / gets).toExponential(1) : "none: some were lost";
}

export function renderPieces(pieces: readonly KillPiece[]): string {
  const subjects = [...new Set(pieces.map(({ subject }) => subject))];
  const rows = subjects.map((subject) => {
    const it = summaryOf(pieces.filter((piece) => piece.subject === subject));
    return [
      `${subject} ${it.version}`,
      String(it.kills),
      `${it.failedGets} / ${it.gets}`,
      `${it.failedPosts} / ${it.posts}`,
      String(it.duplicated),
      `${ms(it.p50Ms)} / ${ms(it.p99Ms)} / ${ms(it.maxMs)}`,
      it.outMs.length === 0 ? "-" : `${ms(at(it.outMs, 0.5))} / ${ms(at(it.outMs, 0.99))}`,
      it.rescuedMs.length === 0
        ? "-"
        : `${ms(at(it.rescuedMs, 0.99))} (${ms(at(it.normalMs, 0.99))}), n=${it.rescuedMs.length}`,
      it.voidPieces === 0 ? "" : `${it.voidPieces} void`,
    ];
  });
  const head = [
    "SUBJECT",
    "KILLS",
    "GET LOST",
    "POST LOST",
    "TWICE",
    "LATENCY p50 / p99 / max",
    "OUT AFTER p50 / p99",
    "RESCUED p99 (others)",
    "",
  ];
  return renderTable(head, rows);
}

/** Nearest rank. */
function at(values: readonly number[], share: number): number {
  const sorted = values.toSorted((x, y) => x - y);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

function ms(value: number): string {
  return value < 10 ? value.toFixed(1) : value.toFixed(0);
}
