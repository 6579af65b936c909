/**
 * `${name}` in the strings of an experiment, as chaostoolkit-lib's `substitute` does it, which is Python's
 * `string.Template` with one addition: a string that is nothing but `${name}` becomes the value in its own type, not
 * its text. `$name` works too, `$$` is a dollar, and a name that nobody knows stays as it stands. Keys are not touched.
 */
import { isList, type Json } from "./json.ts";
import { pythonText } from "./python-value.ts";

/** The value of a name, or undefined. */
export type Lookup = (name: string) => Json | undefined;

const PLACEHOLDER = /\$(?:(\$)|([_a-zA-Z][_a-zA-Z0-9]*)|\{([_a-zA-Z][_a-zA-Z0-9]*)\})/g;
const WHOLE = /^\$\{([_a-zA-Z][_a-zA-Z0-9]*)\}$/;

export function substitute(value: Json, lookup: Lookup): Json {
  if (typeof value === "string") return substituteText(value, lookup);
  if (isList(value)) return value.map((one) => substitute(one, lookup));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, substitute(one, lookup)]));
}

/** Names that the strings of `value` ask for. */
export function namesIn(value: Json): Set<string> {
  const names = new Set<string>();
  substitute(value, (name) => {
    names.add(name);
    return undefined;
  });
  return names;
}

function substituteText(text: string, lookup: Lookup): Json {
  const whole = WHOLE.exec(text);
  if (whole !== null) return lookup(whole[1]!) ?? text;
  return text.replaceAll(PLACEHOLDER, (placeholder, dollar, plain, braced) => {
    if (dollar !== undefined) return "$";
    const value = lookup(plain ?? braced);
    return value === undefined ? placeholder : pythonText(value);
  });
}
