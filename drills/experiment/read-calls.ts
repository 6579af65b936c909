/** A provider as it is written -> the call an activity does. */
import type { WrittenProvider } from "./chaos-toolkit-schema.ts";
import type { Call, HttpTimeout } from "./experiment.ts";
import { CONTROL_VARIABLE, FAULTS_PATH, isReadyForChaosToolkit, readFaultCall } from "./fault-call.ts";
import type { Issue } from "./issue.ts";
import { isList, isObject, type Json, type JsonObject } from "./json.ts";
import { readPythonCall } from "./python-calls.ts";
import { namesIn, type Lookup } from "./template.ts";

const MS_PER_SECOND = 1_000;
/** What a shell would act on. Chaos Toolkit gives a command's arguments to a shell when they are one text. */
const SHELL_SIGNS = /[|&;<>()$`\\"'*?[\]#~=%{}!\n]/;

export interface CallContext {
  /** Settings that stand in the file. */
  readonly constants: Lookup;
  /** Of faults of foreign drivers. */
  readonly ttlMs: number | undefined;
  readonly issues: Issue[];
  readonly warnings: Issue[];
}

/** Undefined: it has been said why. */
export function readCall(
  provider: WrittenProvider,
  path: readonly string[],
  context: CallContext,
): Call | undefined {
  if (provider.type === "python") return readPythonCall(provider, path, context, context.issues);
  return provider.type === "http"
    ? readHttp(provider, path, context)
    : readProcess(provider, path, context.issues);
}

function readHttp(
  provider: WrittenProvider & { type: "http" },
  path: readonly string[],
  { constants, issues, warnings }: CallContext,
): Call | undefined {
  const fault = readFaultCall(provider, path, constants);
  if (fault !== undefined) {
    issues.push(...fault.issues);
    if (fault.call !== undefined && !isReadyForChaosToolkit(provider)) warnings.push(unready(path));
    return fault.call;
  }
  if (!/^(?:https?:\/\/|\$)/i.test(provider.url)) {
    issues.push({
      path: [...path, "url"],
      message: "expected an address that begins with http:// or https://",
    });
    return undefined;
  }
  if (provider.expected_status !== undefined) {
    const message = "Chaos Toolkit ignores expected_status, and so do we: write a tolerance";
    warnings.push({ path: [...path, "expected_status"], message, part: "key" });
  }
  if (provider.url.endsWith(FAULTS_PATH)) {
    const message = `if this is the lab, write \${${CONTROL_VARIABLE}}${FAULTS_PATH}: only then the drill knows the fault, and removes it`;
    warnings.push({ path: [...path, "url"], message });
  }
  return {
    type: "http",
    url: provider.url,
    method: (provider.method ?? "GET").toUpperCase(),
    headers: provider.headers ?? {},
    arguments: (provider.arguments ?? null) as Json,
    timeout: timeoutOf(provider.timeout),
    verifyTls: provider.verify_tls ?? true,
    maxRetries: provider.max_retries ?? 0,
  };
}

function unready(path: readonly string[]): Issue {
  const message =
    'only our own engine can run this: for Chaos Toolkit add headers: {Content-Type: application/json, Authorization: "Bearer ${anycastle_token}"}';
  return { path, message };
}

function timeoutOf(timeout: number | [number, number] | string | undefined): HttpTimeout {
  if (typeof timeout === "string") return { template: timeout };
  const [connect, read] = Array.isArray(timeout) ? timeout : [timeout, timeout];
  return {
    connectMs: connect === undefined ? null : connect * MS_PER_SECOND,
    readMs: read === undefined ? null : read * MS_PER_SECOND,
  };
}

function readProcess(
  provider: WrittenProvider & { type: "process" },
  path: readonly string[],
  issues: Issue[],
): Call | undefined {
  const before = issues.length;
  const pathIssue = issueOfPath(provider.path);
  if (pathIssue !== undefined) issues.push({ path: [...path, "path"], message: pathIssue });
  const words = wordsOf((provider.arguments ?? []) as Json, [...path, "arguments"], issues);
  if (issues.length > before) return undefined;
  const timeoutMs = provider.timeout === undefined ? null : provider.timeout * MS_PER_SECOND;
  return { type: "process", path: provider.path, arguments: words, timeoutMs };
}

/** A name that PATH resolves, or the whole path: never one that depends on where the drill was started. */
function issueOfPath(path: string): string | undefined {
  const wanted = "write a bare name, which is looked up in PATH, or an absolute path";
  if (path.includes("\0")) return `the path holds a NUL: ${wanted}`;
  if (namesIn(path).size > 0) return `Chaos Toolkit does not resolve templates in a path: ${wanted}`;
  if (path.split(/[/\\]/).includes("..")) return `the path climbs with "..": ${wanted}`;
  if (path.startsWith("~")) return `the path depends on who runs it: ${wanted}`;
  const isAbsolute = path.startsWith("/") || /^[A-Za-z]:[/\\]/.test(path);
  return /[/\\]/.test(path) && !isAbsolute ? `the path depends on where it is run: ${wanted}` : undefined;
}

/** One word each, templates in them; empty ones and nulls go, as there. */
function wordsOf(written: Json, path: readonly string[], issues: Issue[]): readonly Json[] {
  if (typeof written === "string") {
    if (SHELL_SIGNS.test(written)) {
      const message = "Chaos Toolkit gives this text to a shell, and we do not: write a list of words";
      issues.push({ path, message });
      return [];
    }
    return written.split(/\s+/).filter((word) => word !== "");
  }
  const words = isList(written) ? written : Object.entries(written as JsonObject).flat();
  for (const [index, word] of words.entries()) {
    if (!isObject(word) && !isList(word)) continue;
    issues.push({
      path: isList(written) ? [...path, String(index)] : path,
      message: "a word is a text or a number",
    });
  }
  return words.filter((word) => word !== null && word !== "");
}
