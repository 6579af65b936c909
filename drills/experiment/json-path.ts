/**
 * JSONPath in the dialect of `jsonpath2`, which is the one Chaos Toolkit's tolerances speak, and which no package for
 * Node speaks. Where it differs from RFC 9535: equality is `=`, strings take double quotes only and know no escapes,
 * `or` binds tighter than `and`, and a filter judges the value it stands on, not its children:
 * `$.nodes[*][?(@.up = true)]`. Functions: `length()`, `keys()`, `values()`, `entries()`, `charAt(n)`, `substring(n, m)`.
 *
 *   text -> tokens -> path (steps, each with subscripts) -> matches, depth first
 *
 * The grammar is jsonpath2's JSONPath.g4. Members of a map come in JavaScript's order: names that are numbers first.
 */
import { isList, isObject, type Json } from "./json.ts";
import { equals, isTruthy } from "./python-value.ts";

/** A path that visits more is a mistake or an attack (`$..*..*..*`). */
const VISITS_MAX = 200_000;
const PATH_LENGTH_MAX = 2_000;
const NESTING_MAX = 50;

export class JsonPathError extends Error {
  readonly code = "JSON_PATH";
}

export interface JsonPath {
  readonly root: "$" | "@";
  readonly steps: readonly Step[];
}

interface Step {
  /** `..`: on the value and on everything below it. */
  readonly isDescent: boolean;
  readonly subscripts: readonly Subscript[];
}

type Subscript =
  | { readonly type: "member"; readonly name: string }
  | { readonly type: "index"; readonly index: number }
  | { readonly type: "slice"; readonly start?: number; readonly end?: number; readonly step?: number }
  | { readonly type: "wildcard" }
  | { readonly type: "filter"; readonly test: Test }
  | { readonly type: "path"; readonly path: JsonPath }
  | { readonly type: "call"; readonly name: string; readonly operands: readonly Operand[] };

type Operand = { readonly path: JsonPath } | { readonly value: Json };

type Test =
  | { readonly op: "and" | "or"; readonly tests: readonly Test[] }
  | { readonly op: "not"; readonly test: Test }
  | { readonly op: "some"; readonly operand: Operand }
  | { readonly op: Comparison; readonly left: Operand; readonly right: Operand };

type Comparison = "=" | "!=" | "<" | "<=" | ">" | ">=";

const FUNCTIONS: readonly string[] = ["charAt", "entries", "keys", "length", "substring", "values"];

/** Throws `JsonPathError`, which says where in the path. */
export function parseJsonPath(text: string): JsonPath {
  if (text.length > PATH_LENGTH_MAX)
    throw new JsonPathError(`a path has at most ${PATH_LENGTH_MAX} characters`);
  const parser = new Parser(tokensOf(text));
  return parser.whole();
}

/** All values that `path` leads to. Throws `JsonPathError` when it visits too much. */
export function matchJsonPath(path: JsonPath, value: Json): Json[] {
  return new Matcher(value).all(path, value);
}

class Matcher {
  readonly #root: Json;
  #visits = 0;

  constructor(root: Json) {
    this.#root = root;
  }

  all(path: JsonPath, current: Json): Json[] {
    const found: Json[] = [];
    this.#walk(path.steps, 0, path.root === "$" ? this.#root : current, found);
    return found;
  }

  #walk(steps: readonly Step[], depth: number, value: Json, found: Json[]): void {
    this.#visits += 1;
    if (this.#visits > VISITS_MAX) throw new JsonPathError(`the path visits more than ${VISITS_MAX} values`);
    const step = steps[depth];
    if (step === undefined) {
      found.push(value);
      return;
    }
    for (const subscript of step.subscripts) {
      for (const next of this.#select(subscript, value)) this.#walk(steps, depth + 1, next, found);
    }
    if (step.isDescent) for (const child of childrenOf(value)) this.#walk(steps, depth, child, found);
  }

  #select(subscript: Subscript, value: Json): readonly Json[] {
    switch (subscript.type) {
      case "member":
        return memberOf(value, subscript.name);
      case "index":
        return elementOf(value, subscript.index);
      case "slice":
        return isList(value) ? sliceOf(value, subscript) : [];
      case "wildcard":
        return childrenOf(value);
      case "filter":
        return this.#holds(subscript.test, value) ? [value] : [];
      case "path":
        return this.all(subscript.path, value).flatMap((key) => selectedBy(value, key));
      case "call":
        return this.#call(subscript.name, subscript.operands, value);
    }
  }

  #holds(test: Test, value: Json): boolean {
    switch (test.op) {
      case "and":
        return test.tests.every((one) => this.#holds(one, value));
      case "or":
        return test.tests.some((one) => this.#holds(one, value));
      case "not":
        return !this.#holds(test.test, value);
      case "some":
        return "path" in test.operand
          ? this.all(test.operand.path, value).length > 0
          : isTruthy(test.operand.value);
      default: {
        const { op } = test;
        const right = this.#valuesOf(test.right, value);
        return this.#valuesOf(test.left, value).some((a) => right.some((b) => isRelated(op, a, b)));
      }
    }
  }

  #valuesOf(operand: Operand, value: Json): readonly Json[] {
    return "path" in operand ? this.all(operand.path, value) : [operand.value];
  }

  /** One call for each combination of what its operands lead to. */
  #call(name: string, operands: readonly Operand[], value: Json): Json[] {
    let rows: Json[][] = [[]];
    for (const operand of operands) {
      const values = this.#valuesOf(operand, value);
      rows = rows.flatMap((row) => values.map((one) => [...row, one]));
      this.#visits += rows.length;
      if (this.#visits > VISITS_MAX)
        throw new JsonPathError(`the path visits more than ${VISITS_MAX} values`);
    }
    return rows.flatMap((row) => called(name, row, value));
  }
}

function memberOf(value: Json, name: string): readonly Json[] {
  return isObject(value) && Object.hasOwn(value, name) ? [value[name]!] : [];
}

function elementOf(value: Json, index: number): readonly Json[] {
  if (!isList(value)) return [];
  const element = value[index < 0 ? index + value.length : index];
  return element === undefined ? [] : [element];
}

function childrenOf(value: Json): readonly Json[] {
  if (isList(value)) return value;
  return isObject(value) ? Object.values(value) : [];
}

function selectedBy(value: Json, key: Json): readonly Json[] {
  if (typeof key === "string") return memberOf(value, key);
  if (typeof key === "boolean") return elementOf(value, Number(key));
  return typeof key === "number" && Number.isInteger(key) ? elementOf(value, key) : [];
}

/**
 * jsonpath2's own slices, which are not Python's: indices that fall below 0 count from the end again, and a negative step
 * counts down from where it starts, which is 0 when nothing is said.
 */
function sliceOf(list: readonly Json[], slice: { start?: number; end?: number; step?: number }): Json[] {
  const { length } = list;
  const step = slice.step ?? 1;
  if (step === 0) throw new JsonPathError("the step of a slice must not be 0");
  const start = slice.start ?? 0;
  const lift = Math.abs(start) < length ? length : Math.abs(start);
  let index = start < 0 ? start + lift : start;
  const end = slice.end === undefined ? length : slice.end + (slice.end < 0 ? length : 0);
  const found: Json[] = [];
  // Beyond [-length, length) nothing matches.
  if (step < 0 && index >= length) index -= Math.ceil((index - length + 1) / -step) * -step;
  for (; step > 0 ? index < Math.min(end, length) : index > Math.max(end, -length - 1); index += step) {
    found.push(...elementOf(list, index));
  }
  return found;
}

function isRelated(op: Comparison, a: Json, b: Json): boolean {
  if (op === "=") return equals(a, b);
  if (op === "!=") return !equals(a, b);
  if (!isNumber(a) || !isNumber(b)) return false;
  const difference = Number(a) - Number(b);
  if (op === "<") return difference < 0;
  if (op === "<=") return difference <= 0;
  return op === ">" ? difference > 0 : difference >= 0;
}

/** A truth value is a number in Python. */
function isNumber(value: Json): value is number | boolean {
  return typeof value === "number" || typeof value === "boolean";
}

function called(name: string, operands: readonly Json[], value: Json): Json[] {
  const chars = typeof value === "string" ? Array.from(value) : undefined;
  const isInteger = operands.every((one) => Number.isInteger(one));
  if (name === "charAt") {
    const char = chars?.at(operands.length === 1 && isInteger ? Number(operands[0]) : Number.NaN);
    return char === undefined || operands.length !== 1 || !isInteger ? [] : [char];
  }
  if (name === "substring") {
    if (chars === undefined || !isInteger || operands.length < 1 || operands.length > 2) return [];
    const [start, end] = operands.map(Number);
    return [chars.slice(start, end).join("")];
  }
  if (operands.length > 0) return [];
  if (name === "length") return isList(value) ? [value.length] : chars === undefined ? [] : [chars.length];
  if (isList(value)) {
    if (name === "keys") return [value.map((_, index) => index)];
    return [name === "values" ? value : value.map((one, index) => [index, one])];
  }
  if (!isObject(value)) return [];
  if (name === "keys") return [Object.keys(value)];
  return [name === "values" ? Object.values(value) : Object.entries(value)];
}

interface Token {
  readonly type: "punctuation" | "word" | "string" | "number" | "end";
  readonly text: string;
  /** From 1, for messages. */
  readonly column: number;
}

const TOKEN =
  /[ \t\n\r]+|(?<string>"(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})|[ !#-[\]-\u{10ffff}])*")|(?<number>-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?(?:0|[1-9]\d*))?)|(?<word>[_A-Za-z][_A-Za-z0-9]*)|(?<punctuation>\.\.|>=|<=|!=|[@.$*=><{}[\]:,()?])/uy;

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const start = TOKEN.lastIndex;
    const found = TOKEN.exec(text);
    if (found === null) throw new JsonPathError(lexicalSentence(text, start));
    const type = (["string", "number", "word", "punctuation"] as const).find(
      (name) => found.groups?.[name] !== undefined,
    );
    if (type !== undefined) tokens.push({ type, text: found[0], column: start + 1 });
  }
  tokens.push({ type: "end", text: "the end", column: text.length + 1 });
  return tokens;
}

function lexicalSentence(text: string, offset: number): string {
  const place = `character ${offset + 1}`;
  if (text[offset] === "'") return `${place}: names and strings take double quotes`;
  if (text[offset] === '"')
    return `${place}: the string does not end, or has an escape that JSON does not know`;
  return `${place}: ${JSON.stringify(text[offset])} has no meaning here`;
}

/** Words that can be no name, because the grammar has them. */
const KEYWORDS: ReadonlySet<string> = new Set(["and", "or", "not", "true", "false", "null"]);
const COMPARISONS: ReadonlySet<string> = new Set(["=", "!=", "<", "<=", ">", ">="]);

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #nesting = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): JsonPath {
    if (this.#token.text !== "$") throw this.#unexpected('"$"');
    const path = this.#path();
    if (this.#token.type !== "end") throw this.#unexpected('".", ".." or "["');
    return path;
  }

  get #token(): Token {
    return this.#tokens[this.#at]!;
  }

  #path(): JsonPath {
    this.#nesting += 1;
    if (this.#nesting > NESTING_MAX) throw new JsonPathError(`nested more than ${NESTING_MAX} times`);
    const root = this.#take().text as "$" | "@";
    const steps: Step[] = [];
    for (let step = this.#step(); step !== undefined; step = this.#step()) steps.push(step);
    this.#nesting -= 1;
    return { root, steps };
  }

  #step(): Step | undefined {
    if (this.#is("[")) return { isDescent: false, subscripts: this.#brackets() };
    if (this.#is("..")) {
      this.#take();
      return { isDescent: true, subscripts: this.#is("[") ? this.#brackets() : [this.#bareword()] };
    }
    if (!this.#is(".")) return undefined;
    this.#take();
    return { isDescent: false, subscripts: [this.#bareword()] };
  }

  #bareword(): Subscript {
    const token = this.#take();
    if (token.text === "*") return { type: "wildcard" };
    if (!isName(token)) throw this.#unexpected('a name or "*"', token);
    return this.#is("(") ? this.#call(token) : { type: "member", name: token.text };
  }

  #call(name: Token): Subscript {
    if (!FUNCTIONS.includes(name.text)) {
      throw new JsonPathError(`there is no function ${name.text}(); known are ${FUNCTIONS.join(", ")}`);
    }
    this.#expect("(");
    const operands = this.#listUntil(")", () => this.#operand());
    return { type: "call", name: name.text, operands };
  }

  #brackets(): Subscript[] {
    this.#expect("[");
    if (this.#is("]")) throw this.#unexpected("an index, a quoted name, a slice, * or ?(…)");
    return this.#listUntil("]", () => this.#subscript());
  }

  #subscript(): Subscript {
    const token = this.#token;
    if (token.type === "string") return { type: "member", name: this.#take().text.slice(1, -1) };
    if (token.type === "number" || token.text === ":") return this.#indexOrSlice();
    if (token.text === "*") {
      this.#take();
      return { type: "wildcard" };
    }
    if (token.text === "?") {
      this.#take();
      this.#expect("(");
      const test = this.#and();
      this.#expect(")");
      return { type: "filter", test };
    }
    if (token.text === "$" || token.text === "@") return { type: "path", path: this.#path() };
    if (isName(token)) {
      this.#take();
      if (!this.#is("("))
        throw this.#unexpected(`a name in brackets takes double quotes: ["${token.text}"]`, token);
      return this.#call(token);
    }
    throw this.#unexpected("an index, a quoted name, a slice, * or ?(…)");
  }

  #indexOrSlice(): Subscript {
    const start = this.#integer();
    if (!this.#is(":")) return { type: "index", index: start! };
    this.#take();
    const end = this.#integer();
    let step: number | undefined;
    if (this.#is(":")) {
      this.#take();
      step = this.#integer();
    }
    return {
      type: "slice",
      ...(start === undefined ? {} : { start }),
      ...(end === undefined ? {} : { end }),
      ...(step === undefined ? {} : { step }),
    };
  }

  #integer(): number | undefined {
    if (this.#token.type !== "number") return undefined;
    const token = this.#take();
    const value = Number(token.text);
    if (!/^-?\d+$/.test(token.text) || !Number.isSafeInteger(value))
      throw this.#unexpected("a whole number", token);
    return value;
  }

  #and(): Test {
    const tests = [this.#or()];
    while (this.#is("and")) {
      this.#take();
      tests.push(this.#or());
    }
    return tests.length === 1 ? tests[0]! : { op: "and", tests };
  }

  #or(): Test {
    const tests = [this.#not()];
    while (this.#is("or")) {
      this.#take();
      tests.push(this.#not());
    }
    return tests.length === 1 ? tests[0]! : { op: "or", tests };
  }

  #not(): Test {
    this.#nesting += 1;
    if (this.#nesting > NESTING_MAX) throw new JsonPathError(`nested more than ${NESTING_MAX} times`);
    try {
      if (this.#is("not")) {
        this.#take();
        return { op: "not", test: this.#not() };
      }
      if (this.#is("(")) {
        this.#take();
        const test = this.#and();
        this.#expect(")");
        return test;
      }
      const left = this.#operand();
      if (!COMPARISONS.has(this.#token.text)) return { op: "some", operand: left };
      return { op: this.#take().text as Comparison, left, right: this.#operand() };
    } finally {
      this.#nesting -= 1;
    }
  }

  #operand(): Operand {
    const { text } = this.#token;
    return text === "$" || text === "@" ? { path: this.#path() } : { value: this.#value() };
  }

  #value(): Json {
    const token = this.#take();
    if (token.type === "string") return token.text.slice(1, -1);
    if (token.type === "number") return Number(token.text);
    if (token.text === "true" || token.text === "false") return token.text === "true";
    if (token.text === "null") return null;
    this.#nesting += 1;
    if (this.#nesting > NESTING_MAX) throw new JsonPathError(`nested more than ${NESTING_MAX} times`);
    if (token.text === "[" || token.text === "{") {
      const value =
        token.text === "["
          ? this.#listUntil("]", () => this.#value())
          : Object.fromEntries(this.#listUntil("}", () => this.#pair()));
      this.#nesting -= 1;
      return value;
    }
    throw this.#unexpected("a path or a value (equality is =, strings take double quotes)", token);
  }

  #pair(): [string, Json] {
    const key = this.#take();
    if (key.type !== "string") throw this.#unexpected("a quoted key", key);
    this.#expect(":");
    return [key.text.slice(1, -1), this.#value()];
  }

  #listUntil<T>(end: string, one: () => T): T[] {
    const list: T[] = [];
    if (this.#is(end)) {
      this.#take();
      return list;
    }
    for (;;) {
      list.push(one());
      if (this.#is(end)) break;
      this.#expect(",");
    }
    this.#take();
    return list;
  }

  #is(text: string): boolean {
    return this.#token.type !== "string" && this.#token.text === text;
  }

  #take(): Token {
    const token = this.#token;
    if (token.type !== "end") this.#at += 1;
    return token;
  }

  #expect(text: string): void {
    if (!this.#is(text)) throw this.#unexpected(`"${text}"`);
    this.#take();
  }

  #unexpected(wanted: string, token: Token = this.#token): JsonPathError {
    return new JsonPathError(
      `character ${token.column}: expected ${wanted}, found ${token.text.slice(0, 40)}`,
    );
  }
}

function isName({ type, text }: Token): boolean {
  return type === "word" && !KEYWORDS.has(text);
}
