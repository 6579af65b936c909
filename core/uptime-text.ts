/** How long something has been up, as health documents tell it: `2h30m45s`. */
export function uptimeText(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  return `${Math.floor(seconds / 3_600)}h${Math.floor((seconds % 3_600) / 60)}m${seconds % 60}s`;
}
