/**
 * A YAML or JSON text -> its document, with the place of every part of it. Reads no file, and survives any text: aliases
 * that multiply themselves, nesting that would overflow the parser's stack, and keys that stand twice are problems.
 *
 * `yaml-1.1` reads as PyYAML does (`yes` is true, `010` is eight), `yaml-1.2` as the gateway's configuration is read.
 */
import {
  isScalar,
  LineCounter,
  parseDocument,
  visit,
  type Document,
  type Node,
  type Tags,
  type YAMLError,
} from "yaml";
import { positionAt, positionOf, type Position } from "./position.ts";

export type TextFlavour = "yaml-1.1" | "yaml-1.2" | "json";

/** Deeper than any document people write, and far from the parser's stack. */
export const DEPTH_MAX = 100;

export interface TextProblem extends Position {
  /** `sites.0.nodes.1.url`; empty for the document as a whole. */
  readonly path: string;
  readonly message: string;
  /** A word that is near to what was written. */
  readonly didYouMean?: string;
  /** The line may hold a secret: it must not be shown. */
  readonly isSecret?: true;
}

export type Place = (path: readonly string[], part: "key" | "value") => Position;

export interface ReadText {
  /** Plain values; what YAML knows and JSON does not (dates, binary) may be among them. */
  readonly written: unknown;
  readonly yaml: Document;
  readonly lines: LineCounter;
  readonly place: Place;
}

/** `code` is that of the `yaml` package, or ours: `TOO_DEEP`, `ALIASES`. Its messages may quote the text. */
export interface SyntaxProblem extends TextProblem {
  readonly code: YAMLError["code"] | "TOO_DEEP" | "ALIASES";
}

export type ReadTextResult =
  | ({ readonly ok: true } & ReadText)
  | { readonly ok: false; readonly problems: readonly SyntaxProblem[] };

export function readText(text: string, flavour: TextFlavour): ReadTextResult {
  const lines = new LineCounter();
  let yaml: Document;
  try {
    yaml = parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      // The parser compares every key with every other: `offsetOfTwin` is linear.
      uniqueKeys: false,
      version: flavour === "yaml-1.1" ? "1.1" : "1.2",
      ...(flavour === "yaml-1.1" ? { schema: "yaml-1.1", customTags: asPyYaml } : {}),
      ...(flavour === "json" ? { schema: "json" } : {}),
    });
  } catch (error) {
    // The parser calls itself for every level.
    if (error instanceof RangeError) return refused("TOO_DEEP", 0, lines);
    throw error;
  }
  const exhausted = yaml.errors.find(({ code }) => code === "RESOURCE_EXHAUSTION");
  if (exhausted !== undefined) return refused("TOO_DEEP", exhausted.pos[0], lines);
  if (yaml.errors.length > 0) {
    const problems = yaml.errors.map(({ code, message, pos }) => ({
      ...positionAt(lines, pos[0]),
      path: "",
      code,
      message,
    }));
    return { ok: false, problems };
  }
  const alias = wrongAlias(yaml);
  if (alias !== undefined) return refused(alias.code, alias.offset, lines);
  const twinOffset = offsetOfTwin(yaml);
  if (twinOffset !== undefined) return refused("DUPLICATE_KEY", twinOffset, lines);
  const deepOffset = offsetTooDeep(yaml);
  if (deepOffset !== undefined) return refused("TOO_DEEP", deepOffset, lines);
  try {
    const place: Place = (path, part) => positionOf(yaml, lines, path, part);
    return { ok: true, written: yaml.toJS(), yaml, lines, place };
  } catch {
    // Aliases of aliases of aliases: they would multiply, and the parser refuses.
    return refused("ALIASES", offsetOfAlias(yaml), lines);
  }
}

const PYYAML_TRUE = /^(?:yes|Yes|YES|true|True|TRUE|on|On|ON)$/;
const PYYAML_FALSE = /^(?:no|No|NO|false|False|FALSE|off|Off|OFF)$/;
const PYYAML_INTEGER = /^[-+]?(?:0|[1-9][0-9_]*)$/;
const PYYAML_EXPONENT = /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)[eE][-+][0-9]+$/;

/** PyYAML's resolver is narrower than the specification: `y` and `n` are texts there, and so are `1e3` and `08`. */
function asPyYaml(tags: Tags): Tags {
  return tags.map((tag) => {
    if (typeof tag !== "object" || !("test" in tag) || tag.test === undefined) return tag;
    if (tag.tag === "tag:yaml.org,2002:bool") {
      return { ...tag, test: tag.test.test("yes") ? PYYAML_TRUE : PYYAML_FALSE };
    }
    if (tag.tag === "tag:yaml.org,2002:int" && tag.test.test("8")) return { ...tag, test: PYYAML_INTEGER };
    const isExponent = tag.tag === "tag:yaml.org,2002:float" && "format" in tag && tag.format === "EXP";
    return isExponent ? { ...tag, test: PYYAML_EXPONENT } : tag;
  });
}

const REFUSALS = {
  TOO_DEEP: `nested more than ${DEPTH_MAX} levels deep`,
  ALIASES: "its aliases multiply or contain each other: write the values out",
  BAD_ALIAS: "this alias has no anchor above it",
  DUPLICATE_KEY: "Map keys must be unique",
} as const;

function refused(code: keyof typeof REFUSALS, offset: number, lines: LineCounter): ReadTextResult {
  const problem = { ...positionAt(lines, offset), path: "", code, message: REFUSALS[code] };
  return { ok: false, problems: [problem] };
}

function offsetTooDeep(yaml: Document): number | undefined {
  let offset: number | undefined;
  visit(yaml, {
    Collection: (_key, node, path) => {
      // Each level of maps adds a map and a pair to the path, each level of lists a list.
      if (path.length < DEPTH_MAX) return undefined;
      const depth = path.filter((one) => "items" in one).length;
      if (depth < DEPTH_MAX) return undefined;
      offset = node.range?.[0] ?? 0;
      return visit.BREAK;
    },
  });
  return offset;
}

/** A key that its map has already. Merge keys may stand more than once. */
function offsetOfTwin(yaml: Document): number | undefined {
  let offset: number | undefined;
  visit(yaml, {
    Map: (_key, { items }) => {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        const name = isScalar(key) ? key.value : key;
        if (seen.has(name)) {
          offset = (key as Node).range?.[0] ?? 0;
          return visit.BREAK;
        }
        if (isScalar(key) && key.source !== "<<") seen.add(name);
      }
      return undefined;
    },
  });
  return offset;
}

/** An alias of nothing, or one that stands within what it names, so that the values would go round for ever. */
function wrongAlias(yaml: Document): { code: "BAD_ALIAS" | "ALIASES"; offset: number } | undefined {
  const anchors = new Map<string, Node>();
  let wrong: ReturnType<typeof wrongAlias>;
  visit(yaml, {
    Value: (_key, node) => {
      if (node.anchor !== undefined) anchors.set(node.anchor, node);
    },
    Alias: (_key, node, path) => {
      const named = anchors.get(node.source);
      if (named !== undefined && !path.includes(named)) return undefined;
      wrong = { code: named === undefined ? "BAD_ALIAS" : "ALIASES", offset: node.range?.[0] ?? 0 };
      return visit.BREAK;
    },
  });
  return wrong;
}

function offsetOfAlias(yaml: Document): number {
  let offset = 0;
  visit(yaml, {
    Alias: (_key, node) => {
      offset = node.range?.[0] ?? 0;
      return visit.BREAK;
    },
  });
  return offset;
}
