/** Figures as people read them: one decimal below a second, thousands separated, a dash for what is not known. */

const UNKNOWN = "–";

/** Without the unit: columns and axes name it once. */
export function formatMs(ms: number | null): string {
  if (ms === null) return UNKNOWN;
  // A tenth of a millisecond says nothing beside a second.
  return Math.abs(ms) < 999.95 ? ms.toFixed(1).replace(/^-0\.0$/, "0.0") : formatCount(Math.round(ms));
}

export function formatMsUnit(ms: number | null): string {
  return ms === null ? UNKNOWN : `${formatMs(ms)} ms`;
}

/** A time that was read off bins: its digits are those of the bin. */
export function formatBinUnit(ms: number | null): string {
  return ms === null ? UNKNOWN : `${formatCount(ms)} ms`;
}

export function formatDelta(ms: number | null): string {
  if (ms === null) return "";
  const text = formatMs(ms);
  return text.startsWith("-") ? text.replace("-", "−") : `+${text}`;
}

export function formatCount(count: number): string {
  const digits = Math.abs(count).toFixed(0);
  const grouped = digits.replace(/\B(?=(?:\d{3})+$)/g, ",");
  return count < 0 ? `-${grouped}` : grouped;
}

/** A ratio as a percentage with two significant digits where it is small, and never rounded up to 100 %. */
export function formatPercent(ratio: number | null): string {
  if (ratio === null) return UNKNOWN;
  const percent = ratio * 100;
  if (percent === 0 || percent === 100) return `${percent} %`;
  if (percent > 99) return `${Math.floor(percent * 1000 + 1e-6) / 1000} %`;
  if (percent >= 1) return `${percent.toFixed(1)} %`;
  if (percent < 1e-6) return "< 0.000001 %";
  return `${percent.toFixed(1 - Math.floor(Math.log10(percent)))} %`;
}
