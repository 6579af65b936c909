/**
 * A piece of somebody's file or answer as it may stand in a message: control characters (Unicode's Cc) become `?`, but for
 * the tab. A terminal obeys them, so that a file that is no text could move the cursor, change colours or worse.
 */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (control) => (control === "\t" ? control : "?"));
}
