/**
 * A pattern of Python's `re` as a JavaScript one, because that is the language of `regex` tolerances.
 *
 * Translated, not passed on: the two share most of their syntax and differ where it hurts. In Python `$` also matches
 * before a last line break, `.` matches `\r`, `\d`, `\w`, `\s` and `\b` know Unicode, and `(?P<name>…)` names a group.
 * What has no counterpart (conditionals, atomic groups, possessive quantifiers, verbose mode, alternatives in a look-behind) is refused by name, and so
 * are backreferences: to a group that took no part they fail there and match here.
 */
export class RegexError extends Error {
  readonly code = "REGEX";
}

const PATTERN_LENGTH_MAX = 2_000;

const DIGIT = String.raw`\p{Nd}`;
const WORD = String.raw`\p{L}\p{N}_`;
const SPACE = String.raw`\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000`;
const CLASSES: Readonly<Record<string, string>> = { d: DIGIT, w: WORD, s: SPACE };
/** As lookaheads, so that a quantifier behind them is refused, as there. */
const BOUNDARY = `(?=(?<=[${WORD}])(?![${WORD}])|(?<![${WORD}])(?=[${WORD}]))`;
/** Never in an empty text: a quirk of Python's before 3.14. */
const NO_BOUNDARY = `(?=(?<=[${WORD}])(?=[${WORD}])|(?<![${WORD}])(?![${WORD}])(?:(?<=[^])|(?=[^])))`;
/** Before a last line break, or at the end. */
const END_OF_LAST_LINE = String.raw`(?=\n?(?![\s\S]))`;
const END_OF_TEXT = String.raw`(?![\s\S])`;
const CONTROLS: Readonly<Record<string, string>> = {
  a: "\u0007",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

/** Throws `RegexError`. */
export function pythonRegex(pattern: string): RegExp {
  if (pattern.length > PATTERN_LENGTH_MAX) {
    throw new RegexError(`a pattern has at most ${PATTERN_LENGTH_MAX} characters`);
  }
  const { source, flags } = new Translator(pattern).whole();
  try {
    return new RegExp(source, `u${flags}`);
  } catch (error) {
    throw new RegexError("the pattern is invalid: check its groups, ranges and quantifiers", {
      cause: error,
    });
  }
}

class Translator {
  readonly #pattern: string;
  #at = 0;
  #ignoresCase = false;
  #isMultiline = false;
  #dotMatchesAll = false;
  /** Of the groups that are open, innermost last: does it stand in a look-behind, which has a fixed width in Python? */
  readonly #isFixed: boolean[] = [];

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  whole(): { source: string; flags: string } {
    this.#takeGlobalFlags();
    let source = "";
    while (this.#at < this.#pattern.length) source += this.#one();
    return { source, flags: this.#ignoresCase ? "i" : "" };
  }

  /** `(?im)` at the start, the only place where Python 3.11 allows it. */
  #takeGlobalFlags(): void {
    const groups = /^(?:\(\?[aiLmsux]+\))+/.exec(this.#pattern)?.[0] ?? "";
    for (const flag of groups.replaceAll(/[(?)]/g, "")) {
      if (flag === "i") this.#ignoresCase = true;
      else if (flag === "m") this.#isMultiline = true;
      else if (flag === "s") this.#dotMatchesAll = true;
      else if (flag !== "u") throw new RegexError(`the flag "${flag}" is not supported; i, m and s are`);
    }
    this.#at = groups.length;
  }

  #one(): string {
    const char = this.#pattern[this.#at]!;
    if (char === "\\") return this.#escape();
    if (char === "[") return this.#set();
    if (char === "(") return this.#group();
    if (char === "*" || char === "+" || char === "?" || char === "{") return this.#quantifier(char);
    if (char === "|" && this.#isFixed.at(-1)) throw this.#unsupported("an alternative within a look-behind");
    if (char === ")") this.#isFixed.pop();
    this.#at += 1;
    if (char === ".") return this.#dotMatchesAll ? String.raw`[\s\S]` : String.raw`[^\n]`;
    if (char === "^") return this.#isMultiline ? String.raw`(?<![^\n])` : String.raw`(?<![\s\S])`;
    if (char === "$") return this.#isMultiline ? String.raw`(?![^\n])` : END_OF_LAST_LINE;
    return char === "]" || char === "}" ? `\\${char}` : char;
  }

  /** A brace that opens no quantifier is a brace. */
  #quantifier(char: string): string {
    const rest = this.#pattern.slice(this.#at);
    const counted = /^\{(\d*)(,?)(\d*)\}/.exec(rest);
    if (char === "{" && (counted === null || (counted[1] === "" && counted[2] === ""))) {
      this.#at += 1;
      return String.raw`\{`;
    }
    const quantifier = char === "{" ? counted![0] : char;
    this.#at += quantifier.length;
    if (this.#pattern[this.#at] === "+") throw this.#unsupported("a possessive quantifier");
    if (this.#isFixed.at(-1) && !/^\{\d+\}$/.test(quantifier)) {
      throw this.#unsupported("a look-behind of no fixed width");
    }
    const source = quantifier.startsWith("{,") ? `{0${quantifier.slice(1)}` : quantifier;
    if (this.#pattern[this.#at] !== "?") return source;
    this.#at += 1;
    return `${source}?`;
  }

  #group(): string {
    const rest = this.#pattern.slice(this.#at);
    const named = /^\(\?P<([A-Za-z_]\w*)>/.exec(rest);
    const isFixed = this.#isFixed.at(-1) === true || rest.startsWith("(?<=") || rest.startsWith("(?<!");
    if (!rest.startsWith("(?#")) this.#isFixed.push(isFixed);
    if (named !== null) return this.#taken(named[0], `(?<${named[1]}>`);
    if (rest.startsWith("(?P=")) throw this.#unsupported("a backreference");
    const comment = /^\(\?#[^)]*\)/.exec(rest);
    if (comment !== null) return this.#taken(comment[0], "");
    const plain = /^\((?:\?(?::|=|!|<=|<!))?/.exec(rest)![0];
    if (plain === "(" && rest[1] === "?") {
      if (rest[2] === "(") throw this.#unsupported("a conditional group");
      if (rest[2] === ">") throw this.#unsupported("an atomic group");
      throw this.#unsupported(`the group "${rest.slice(0, 4)}"`);
    }
    return this.#taken(plain, plain);
  }

  #taken(text: string, source: string): string {
    this.#at += text.length;
    return source;
  }

  #escape(): string {
    const next = this.#pattern[this.#at + 1];
    if (next === undefined) throw new RegexError("the pattern ends with a backslash");
    if (/[1-9]/.test(next)) throw this.#unsupported("a backreference");
    const fixed: Readonly<Record<string, string>> = {
      A: String.raw`(?<![\s\S])`,
      Z: END_OF_TEXT,
      b: BOUNDARY,
      B: NO_BOUNDARY,
    };
    if (Object.hasOwn(fixed, next)) return this.#taken(`\\${next}`, fixed[next]!);
    const set = this.#classEscape(next);
    if (set !== undefined) return this.#taken(`\\${next}`, `[${set.isNegated ? "^" : ""}${set.members}]`);
    return this.#character();
  }

  #classEscape(letter: string): { members: string; isNegated: boolean } | undefined {
    const members = CLASSES[letter.toLowerCase()];
    return members === undefined ? undefined : { members, isNegated: letter !== letter.toLowerCase() };
  }

  /** One character that stands behind a backslash. Letters without a meaning are errors in Python, too. */
  #character(): string {
    const rest = this.#pattern.slice(this.#at);
    if (rest.length === 1) throw new RegexError("the pattern ends with a backslash");
    const code = /^\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/.exec(rest);
    if (code !== null)
      return this.#taken(code[0], codePoint(Number.parseInt(code[1] ?? code[2] ?? code[3]!, 16)));
    const octal = /^\\(0[0-7]{0,2})/.exec(rest);
    if (octal !== null) return this.#taken(octal[0], codePoint(Number.parseInt(octal[1]!, 8)));
    const char = String.fromCodePoint(rest.codePointAt(1)!);
    this.#at += 1 + char.length;
    if (Object.hasOwn(CONTROLS, char)) return codePoint(CONTROLS[char]!.codePointAt(0)!);
    if (/[A-Za-z0-9]/.test(char)) throw new RegexError(`the escape "\\${char}" has no meaning`);
    return codePoint(char.codePointAt(0)!);
  }

  #set(): string {
    this.#at += 1;
    let source = "[";
    if (this.#pattern[this.#at] === "^") {
      source += "^";
      this.#at += 1;
    }
    for (let isFirst = true; ; isFirst = false) {
      const char = this.#pattern[this.#at];
      if (char === undefined) throw new RegexError('a set "[" does not end');
      if (char === "]" && !isFirst) break;
      const next = this.#pattern[this.#at + 1];
      const escaped = char === "\\" && next !== undefined ? this.#classEscape(next) : undefined;
      if (escaped === undefined) source += this.#member(char);
      else {
        this.#at += 2;
        source += escaped.isNegated ? negatedClass(next!) : escaped.members;
      }
    }
    this.#at += 1;
    return `${source}]`;
  }

  #member(char: string): string {
    if (char === "\\") {
      if (this.#pattern[this.#at + 1] === "b") return this.#taken(String.raw`\b`, String.raw`\x08`);
      return this.#character();
    }
    const whole = String.fromCodePoint(this.#pattern.codePointAt(this.#at)!);
    this.#at += whole.length;
    return whole === "-" ? "-" : codePoint(whole.codePointAt(0)!);
  }

  #unsupported(what: string): RegexError {
    return new RegexError(`character ${this.#at + 1}: ${what} is not supported`);
  }
}

/** Only the digits have a complement that can stand in a set. */
function negatedClass(letter: string): string {
  if (letter === "D") return String.raw`\P{Nd}`;
  throw new RegexError(`"\\${letter}" within a set is not supported: write [^…] instead`);
}

/** Any code point as an escape that means nothing but itself, in and out of sets. */
function codePoint(code: number): string {
  if (code > 0x10_ff_ff) throw new RegexError("a character beyond Unicode");
  return `\\u{${code.toString(16)}}`;
}
