/**
 * An experiment -> the text of its file. What is written is the document that was read, with all that nobody here knows
 * about, so nothing is lost on the way; only two things are added where they are missing: a version, and
 * `runtime.rollbacks.strategy: always`, because Chaos Toolkit's default plays no rollbacks after a failure.
 *
 * Secrets that stand in the file are written as they stand: it is the author's file. Journals are another matter.
 */
import { Document, Scalar, visit, type ScalarTag } from "yaml";
import { isObject, type Json, type JsonObject } from "./json.ts";
import type { ExperimentFormat } from "./read-experiment.ts";

const VERSION = "1.0.0";
const INDENT = 2;

/** The document as we hand it on to `chaos run`. A strategy that was written stays: it was meant. */
export function exportedDocument(document: JsonObject): JsonObject {
  const runtime = isObject(document["runtime"]) ? document["runtime"] : {};
  const rollbacks = isObject(runtime["rollbacks"]) ? runtime["rollbacks"] : {};
  const { version = VERSION, ...rest } = document;
  return { version, ...rest, runtime: { ...runtime, rollbacks: { strategy: "always", ...rollbacks } } };
}

/** `document` as a text that reads back as the same document, here and by PyYAML. */
export function writeDocument(document: Json, format: ExperimentFormat): string {
  if (format === "json") return `${JSON.stringify(document, null, INDENT)}\n`;
  // 1.1, so that a text such as "on" or "012" is quoted for readers that would take it for something else.
  const yaml = new Document(document, {
    version: "1.1",
    // The tag of merge keys would write the text "<<" bare.
    customTags: (tags) => [EXPONENT, ...tags.filter((tag) => !isMerge(tag))],
    aliasDuplicateObjects: false,
  });
  visit(yaml, {
    Scalar: (_key, node) => {
      if (typeof node.value === "string" && NOT_PLAIN.test(node.value)) node.type = Scalar.QUOTE_DOUBLE;
    },
  });
  // Only quoted texts hold them.
  return yaml.toString({ lineWidth: 0 }).replaceAll(UNPRINTABLE, escaped);
}

/** What PyYAML takes for a line break or refuses to read. */
const UNPRINTABLE = /[\p{Cs}\u2028\u2029\ufeff\ufffe\uffff]|[^\P{Cc}\n]/gu;
/** What the `yaml` package would write bare and PyYAML would not read as a text. */
const NOT_PLAIN = new RegExp(`^(?:=|<<)$|${UNPRINTABLE.source}`, "u");

function escaped(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function isMerge(tag: unknown): boolean {
  return (
    tag === "merge" || (typeof tag === "object" && (tag as { tag: string }).tag === "tag:yaml.org,2002:merge")
  );
}

/** PyYAML takes `1e-7` for a text; `1.0e-7` is a number for everybody. */
const EXPONENT: ScalarTag = {
  tag: "tag:yaml.org,2002:float",
  default: true,
  identify: (value) => typeof value === "number" && String(value).includes("e"),
  test: /(?!)/,
  resolve: Number,
  stringify: ({ value }) => String(value).replace(/^(-?\d+)e/, "$1.0e"),
};
