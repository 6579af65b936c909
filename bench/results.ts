/**
 * What a benchmark hands over: one entry per figure with every sample it was made of, so that a reader can judge the
 * spread and not only the middle. `value` is the median.
 */
export interface BenchResult {
  /** `gateway.cpu_us_per_request`. */
  readonly id: string;
  readonly value: number;
  readonly unit: "ns" | "us" | "ms" | "mb" | "count";
  readonly samples: readonly number[];
  /** How it was measured: what a second run needs to be comparable. */
  readonly context: Readonly<Record<string, unknown>>;
}

export function benchResult(
  id: string,
  unit: BenchResult["unit"],
  samples: readonly number[],
  context: Readonly<Record<string, unknown>>,
): BenchResult {
  const rounded = samples.map((sample) => Number(sample.toFixed(3)));
  return { id, value: median(rounded), unit, samples: rounded, context };
}

/** Mean of the two in the middle for an even count; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[half]!;
  return ((sorted[half - 1] ?? Number.NaN) + (sorted[half] ?? Number.NaN)) / 2;
}

/** A table of all figures; those of the proxies with their ratio to nginx's. */
export function renderResults(results: readonly BenchResult[]): string {
  const byId = new Map(results.map((result) => [result.id, result]));
  const rows = results.map((result) => {
    const [subject = "", figure = ""] = result.id.split(".");
    const nginx = subject === "nginx" ? undefined : byId.get(`nginx.${figure}`);
    const ratio = nginx === undefined ? "" : `${(result.value / nginx.value).toFixed(2)} x nginx`;
    const low = format(Math.min(...result.samples));
    const high = format(Math.max(...result.samples));
    return [
      result.id,
      `${format(result.value)} ${result.unit}`,
      `${low}-${high}`,
      `n=${result.samples.length}`,
      ratio,
    ];
  });
  return renderTable(["figure", "median", "range", "samples", ""], rows);
}

function format(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}

/** Columns as wide as their widest cell. */
export function renderTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]!.length)),
  );
  return [head, ...rows]
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
