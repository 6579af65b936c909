/** What was typed, for whoever reads a report and wants it again. */
const PLAIN = /^[A-Za-z0-9_@%+=:,./-]+$/;

export function commandLine(): string {
  const words = process.argv.slice(2).map((word) => (PLAIN.test(word) ? word : quoted(word)));
  return ["anycastle", ...words].join(" ");
}

/** For a POSIX shell. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
