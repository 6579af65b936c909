/** Looking things up in fields as they travel here: names and values in turn. */

/** The values of a field, joined as RFC 9110 §5.3 allows; undefined: it is not there. `name` in lower case. */
export function valueOf(fields: readonly string[], name: string): string | undefined {
  let value: string | undefined;
  for (let index = 0; index < fields.length; index += 2) {
    if (!isNamed(fields[index]!, name)) continue;
    value = value === undefined ? fields[index + 1]! : `${value}, ${fields[index + 1]!}`;
  }
  return value;
}

export function without(fields: readonly string[], names: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  for (let index = 0; index < fields.length; index += 2) {
    if (!names.has(fields[index]!.toLowerCase())) kept.push(fields[index]!, fields[index + 1]!);
  }
  return kept;
}

/** The other half of `without`. */
export function picked(fields: readonly string[], names: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  for (let index = 0; index < fields.length; index += 2) {
    if (names.has(fields[index]!.toLowerCase())) kept.push(fields[index]!, fields[index + 1]!);
  }
  return kept;
}

function isNamed(given: string, name: string): boolean {
  return given.length === name.length && given.toLowerCase() === name;
}
