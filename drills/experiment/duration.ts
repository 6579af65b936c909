/** Durations as people write them: `250ms`, `30s`, `1.5h`, and in a row, `1m30s`. */

const MS_PER_UNIT: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const PART = /(\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h|d)/y;

/** Whole milliseconds; undefined when `text` is no duration. A number without a unit is none: nobody knows its unit. */
export function durationMs(text: string): number | undefined {
  if (text === "") return undefined;
  let totalMs = 0;
  PART.lastIndex = 0;
  while (PART.lastIndex < text.length) {
    const part = PART.exec(text);
    if (part === null) return undefined;
    totalMs += Number(part[1]) * MS_PER_UNIT[part[2]!]!;
  }
  return Number.isSafeInteger(Math.round(totalMs)) ? Math.round(totalMs) : undefined;
}

/** The shortest form in one or more whole units (`90_000` -> `1m30s`), as Go and Kubernetes read it: without days. */
export function durationText(ms: number): string {
  let rest = Math.round(ms);
  let text = "";
  for (const unit of ["h", "m", "s", "ms"]) {
    const count = Math.floor(rest / MS_PER_UNIT[unit]!);
    rest -= count * MS_PER_UNIT[unit]!;
    if (count > 0) text += `${count}${unit}`;
  }
  return text === "" ? "0s" : text;
}
