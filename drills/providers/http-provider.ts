/**
 * The `http` provider as chaoslib/provider/http.py does it, by the habits of `requests`:
 *
 * - `arguments` are the query of a GET; otherwise a form, or JSON when the experiment's own header says exactly
 *   `Content-Type: application/json`.
 * - The body is parsed only when the answer's type is exactly `application/json`; another text is decoded by its charset,
 *   and `text/*` without one is Latin-1.
 * - Any status is a value. `expected_status` does nothing.
 *
 * Where that code waits for ever, this one has a limit.
 */
import { messageOf } from "#core/errors.ts";
import type { HttpCall, HttpTimeout } from "../experiment/experiment.ts";
import { isList, isObject, type Json, type JsonObject } from "../experiment/json.ts";
import { pythonText } from "../experiment/python-value.ts";
import type { Scope } from "../experiment/scope.ts";
import { substitute } from "../experiment/template.ts";
import { ExchangeError, type HttpReply, type HttpRequest, type HttpTransport } from "./http-transport.ts";
import { ActivityFailedError, type Provider } from "./provider.ts";

/** When the file has no timeout of its own. */
export const TIMEOUT_MS_DEFAULT = 30_000;
const MS_PER_SECOND = 1_000;

export class HttpProvider implements Provider<HttpCall> {
  readonly #transport: HttpTransport;

  constructor(transport: HttpTransport) {
    this.#transport = transport;
  }

  async run(call: HttpCall, scope: Scope, signal: AbortSignal): Promise<Json> {
    const failed = (message: string, cause?: unknown): ActivityFailedError =>
      new ActivityFailedError(scope.redactor.text(message), { cause });
    const request = requestOf(call, scope, failed);
    const reply = await this.#exchange(request, call.maxRetries, signal, failed);
    return { status: reply.status, headers: reply.headers, body: bodyOf(reply, failed) };
  }

  async #exchange(
    request: HttpRequest,
    retries: number,
    signal: AbortSignal,
    failed: Failed,
  ): Promise<HttpReply> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#transport.exchange(request, signal);
      } catch (error) {
        signal.throwIfAborted();
        const phase = error instanceof ExchangeError ? error.phase : "exchange";
        if (phase === "connect" && attempt < retries) continue;
        // The cause is left out: it may quote what was sent.
        if (phase === "timeout") throw failed("activity took too long to complete");
        throw failed(`failed to connect to ${request.url}: ${messageOf(error)}`);
      }
    }
  }
}

type Failed = (message: string, cause?: unknown) => ActivityFailedError;

function requestOf(call: HttpCall, scope: Scope, failed: Failed): HttpRequest {
  const headers = headersOf(substitute(call.headers, scope.lookup) as JsonObject);
  const given = scope.isEmpty ? call.arguments : substitute(call.arguments, scope.lookup);
  const url = addressOf(substitute(call.url, scope.lookup), call.method === "GET" ? given : null, failed);
  const isJson = headers["Content-Type"] === "application/json";
  const body = call.method === "GET" ? undefined : isJson ? jsonBody(given) : formBody(given);
  const isForm = !isJson && typeof body === "string" && typeof given !== "string";
  const hasType = Object.keys(headers).some((name) => name.toLowerCase() === "content-type");
  return {
    url,
    method: call.method,
    headers:
      isForm && !hasType ? { ...headers, "Content-Type": "application/x-www-form-urlencoded" } : headers,
    body: body ?? null,
    ...limitsOf(call.timeout, scope, failed),
    verifyTls: call.verifyTls,
  };
}

function headersOf(given: JsonObject): Record<string, string> {
  const headers: Record<string, string> = { Accept: "*/*" };
  for (const [name, value] of Object.entries(given)) {
    if (value === null) continue;
    if (name.toLowerCase() === "accept") delete headers["Accept"];
    headers[name] = pythonText(value);
  }
  return headers;
}

function addressOf(given: Json, query: Json, failed: Failed): string {
  const text = pythonText(given);
  if (!URL.canParse(text) || !/^https?:/i.test(text)) throw failed(`${text} is no http or https address`);
  const url = new URL(text);
  const more = formBody(query);
  if (more !== undefined && more !== "") url.search = url.search === "" ? more : `${url.search}&${more}`;
  url.hash = "";
  return url.href;
}

/** `requests` encodes lists as repeated names, drops nulls, and takes a text as it is. */
function formBody(given: Json): string | undefined {
  if (typeof given === "string") return given === "" ? undefined : given;
  if (!isObject(given) || Object.keys(given).length === 0) return undefined;
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(given)) {
    // Of a map its keys are sent: Python iterates over those.
    const values = isList(value) ? value : isObject(value) ? Object.keys(value) : [value];
    for (const one of values) if (one !== null) form.append(name, pythonText(one));
  }
  return form.toString();
}

function jsonBody(given: Json): string | undefined {
  return given === null ? undefined : JSON.stringify(given);
}

function limitsOf(
  timeout: HttpTimeout,
  { lookup }: Scope,
  failed: Failed,
): { connectMs: number; readMs: number } {
  if (!("template" in timeout)) {
    return {
      connectMs: timeout.connectMs ?? TIMEOUT_MS_DEFAULT,
      readMs: timeout.readMs ?? TIMEOUT_MS_DEFAULT,
    };
  }
  const seconds = substitute(timeout.template, lookup);
  const [connect, read] = isList(seconds) ? seconds : [seconds, seconds];
  const isTime = (value: Json | undefined): value is number => typeof value === "number" && value > 0;
  if (!isTime(connect) || !isTime(read))
    throw failed(`the timeout ${timeout.template} is no number of seconds above 0`);
  return { connectMs: connect * MS_PER_SECOND, readMs: read * MS_PER_SECOND };
}

function bodyOf({ headers, body }: HttpReply, failed: Failed): Json {
  const name = Object.keys(headers).find((one) => one.toLowerCase() === "content-type");
  const type = name === undefined ? "" : headers[name]!;
  if (type !== "application/json") return decoded(body, type);
  try {
    return JSON.parse(body.toString("utf8")) as Json;
  } catch {
    throw failed("the answer says that it is application/json, and is no JSON");
  }
}

function decoded(body: Buffer, type: string): string {
  const charset = /;\s*charset\s*=\s*["']?([^\s;"']+)/i.exec(type)?.[1]?.toLowerCase();
  if (charset === undefined) return body.toString(type.includes("text") ? "latin1" : "utf8");
  if (charset === "iso-8859-1" || charset === "latin1") return body.toString("latin1");
  try {
    return new TextDecoder(charset).decode(body);
  } catch {
    return body.toString("utf8");
  }
}
