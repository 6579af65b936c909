/**
 * JSON bodies as Go's `encoding/json` reads them into a struct, and complains: keys in any case, unknown ones ignored, null
 * leaves a field as it was, and the first value of the wrong type is named by its Go field. Clients of Toxiproxy have seen
 * these texts for ten years. Only the words about broken syntax are not Go's own.
 */
import { badBody } from "./api-error.ts";

export type GoType = "string" | "bool" | "int" | "int64" | "float32" | `toxics.${string}`;

export interface GoField {
  readonly type: GoType;
  /** How Go names it in a complaint: `Proxy.name`. */
  readonly path: string;
}

export type GoFields = Readonly<Record<string, GoField>>;

/** A number as it was written: Go tells a 1e3 from a 1000. */
class Literal {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** `JSON.parse` as Node has it, whose reviver sees what was written. */
const parseWithSource = JSON.parse as (
  text: string,
  reviver: (key: string, value: unknown, context: { readonly source: string }) => unknown,
) => unknown;

/** No int64 has more digits. */
const INT_PATTERN = /^-?\d{1,19}$/;
const INT64_MAX = 2n ** 63n;

/** The value of a body, for `readStruct`. Throws `ApiError`. */
export function parseValue(body: string): unknown {
  if (body.trim() === "") throw badBody("EOF");
  try {
    return parseWithSource(body, (_key, value, { source }) =>
      typeof value === "number" ? new Literal(source) : value,
    );
  } catch (error) {
    throw badBody(syntaxComplaint(body, error as SyntaxError));
  }
}

/** The fields that a value has, by their names. `goType` names the struct in a complaint. Throws `ApiError`. */
export function readStruct(value: unknown, goType: string, fields: GoFields): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  if (value === null) return found;
  if (kindOf(value) !== "object")
    throw badBody(`json: cannot unmarshal ${kindOf(value)} into Go value of type ${goType}`);
  for (const [key, given] of Object.entries(value as object)) {
    const name = nameOf(key, fields);
    if (name !== undefined && given !== null) found[name] = readField(given, fields[name]!);
  }
  return found;
}

/** The elements of a value that is a list; null is an empty one. */
export function readList(value: unknown, goType: string): readonly unknown[] {
  if (value === null) return [];
  if (Array.isArray(value)) return value;
  throw badBody(`json: cannot unmarshal ${kindOf(value)} into Go value of type ${goType}`);
}

function nameOf(key: string, fields: GoFields): string | undefined {
  const lower = key.toLowerCase();
  return Object.keys(fields).find((name) => name.toLowerCase() === lower);
}

function readField(value: unknown, { type, path }: GoField): unknown {
  const read = valueOf(value, type);
  if (read !== undefined) return read;
  const isNumeric = type === "int" || type === "int64" || type === "float32";
  const kind = value instanceof Literal && isNumeric ? `number ${value.text}` : kindOf(value);
  throw badBody(`json: cannot unmarshal ${kind} into Go struct field ${path} of type ${type}`);
}

/** Undefined: it does not fit. */
function valueOf(value: unknown, type: GoType): unknown {
  switch (type) {
    case "string":
      return typeof value === "string" ? value : undefined;
    case "bool":
      return typeof value === "boolean" ? value : undefined;
    case "float32":
      return value instanceof Literal && isFloat32(value.text) ? Number(value.text) : undefined;
    case "int":
    case "int64":
      return value instanceof Literal && isInt64(value.text) ? Number(value.text) : undefined;
    default:
      return kindOf(value) === "object" ? value : undefined;
  }
}

function isFloat32(text: string): boolean {
  return Number.isFinite(Math.fround(Number(text)));
}

function isInt64(text: string): boolean {
  if (!INT_PATTERN.test(text)) return false;
  const value = BigInt(text);
  return value >= -INT64_MAX && value < INT64_MAX;
}

function kindOf(value: unknown): string {
  if (value instanceof Literal) return "number";
  if (Array.isArray(value)) return "array";
  return typeof value === "boolean" ? "bool" : typeof value;
}

/** V8 names the character, or the place, or neither where the text ended too early. */
function syntaxComplaint(body: string, { message }: SyntaxError): string {
  const position = Number(/at position (\d+)/.exec(message)?.[1] ?? body.length);
  const character = /^Unexpected token '(.)'/u.exec(message)?.[1] ?? body.trimEnd()[position];
  return character === undefined ? "unexpected EOF" : `invalid character '${character}' is no JSON there`;
}
