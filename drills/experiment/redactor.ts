/**
 * Takes the values of secrets out of whatever is about to leave: journal, report, log, error. By value and not by place,
 * because a secret comes back in places that nobody foresaw: an echoed header, a command's standard error.
 *
 * Known in the forms in which a call may have sent it: plain, URL-encoded, as a form, as base64 and within JSON.
 */
import { isList, isObject, type Json, type JsonObject } from "./json.ts";

export const REDACTED = "[secret]";

/** A shorter one is in every text, and cannot be kept out of any; it is refused where secrets are read. */
export const SECRET_LENGTH_MIN = 4;

export class Redactor {
  readonly #values: ReadonlySet<string>;
  readonly #pattern: RegExp | undefined;

  constructor(values: Iterable<string>) {
    this.#values = new Set([...values].filter((value) => value.length >= SECRET_LENGTH_MIN));
    const forms = new Set([...this.#values].flatMap(formsOf));
    // Longest first, so that a secret that contains another one goes as a whole.
    const sorted = [...forms]
      .sort((a, b) => b.length - a.length)
      .map((form) => form.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
    this.#pattern = sorted.length === 0 ? undefined : new RegExp(sorted.join("|"), "g");
  }

  text(text: string): string {
    return this.#pattern === undefined ? text : text.replaceAll(this.#pattern, REDACTED);
  }

  json(value: Json): Json {
    if (this.#pattern === undefined) return value;
    if (typeof value === "string") return this.text(value);
    if (isList(value)) return value.map((one) => this.json(one));
    if (isObject(value)) {
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [this.text(key), this.json(one)]));
    }
    return typeof value === "number" && this.#values.has(String(value)) ? REDACTED : value;
  }
}

/** Strings that stand in the `secrets` of a document, whatever is wrong with it otherwise; names of variables do not count. */
export function inlineSecrets(document: Json): string[] {
  const secrets = isObject(document) ? document["secrets"] : undefined;
  return secrets === undefined ? [] : leavesOf(secrets);
}

/** The document without what `secrets` holds inline; where secrets come from stays. */
export function withoutInlineSecrets(document: JsonObject): JsonObject {
  const secrets = document["secrets"];
  return secrets === undefined ? document : { ...document, secrets: blanked(secrets) };
}

function leavesOf(value: Json): string[] {
  if (isSource(value)) return [];
  if (isList(value)) return value.flatMap(leavesOf);
  if (isObject(value)) return Object.values(value).flatMap(leavesOf);
  return value === null ? [] : [String(value)];
}

function blanked(value: Json): Json {
  if (isSource(value)) return value;
  if (isList(value)) return value.map(blanked);
  if (isObject(value))
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, blanked(one)]));
  return value === null ? null : REDACTED;
}

/** `{type: env, key: NAME}`: says where a secret is, and not what it is. */
function isSource(value: Json): boolean {
  return isObject(value) && (value["type"] === "env" || value["type"] === "vault");
}

function formsOf(value: string): string[] {
  const base64 = Buffer.from(value).toString("base64");
  return [
    value,
    encodeURIComponent(value.toWellFormed()),
    new URLSearchParams({ v: value }).toString().slice("v=".length),
    base64.replace(/=+$/, ""),
    JSON.stringify(value).slice(1, -1),
  ];
}
