/** The admin API's own description: valid, whole, and true. */
import { Validator } from "@seriousme/openapi-schema-validator";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { createAdmin, type AdminOptions } from "#gateway/admin/admin.ts";
import { OPERATION_LINES, openApiOf } from "#gateway/admin/openapi.ts";
import { startGateway, type RunningGateway } from "#gateway/gateway.ts";
import { Prng } from "#core/prng.ts";
import { startStand, type Stand } from "./stand.ts";

const TOKEN = "a token of this test";
const ALLOWED = { "content-type": "application/json", authorization: `Bearer ${TOKEN}` };
/** In place of parameters. */
const NAMES: Readonly<Record<string, string>> = { id: "ny1-1", name: "ny1" };
/** Of orders that need one. */
const BODIES: Readonly<Record<string, object>> = {
  "PUT /nodes/{id}/weight": { weight: 10_000 },
  "PUT /api/v1/rate-limit": { all: { requestsPerSecond: 5 } },
};

interface Response {
  readonly content: Readonly<Record<string, { readonly schema: { readonly $ref?: string } }>>;
}

interface Operation {
  readonly operationId: string;
  readonly security?: unknown;
  readonly requestBody?: {
    readonly content: Readonly<Record<string, { readonly schema: z.core.JSONSchema.JSONSchema }>>;
  };
  readonly responses: Readonly<Record<string, Response>>;
}

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, z.core.JSONSchema.JSONSchema>> };
}

interface Told {
  readonly line: string;
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

let stand: Stand;
let gateway: RunningGateway;
let document: Document;
let isConfigGood = true;

/** With everything that can be asked of it. */
beforeAll(async () => {
  stand = await startStand({ document: { breaker: { mode: "consecutive" }, cache: {} } });
  gateway = await startGateway(stand.config, {
    events: { emit: () => undefined },
    adminToken: TOKEN,
    version: "1.2.3",
    prng: new Prng(1),
    readConfig: () =>
      isConfigGood ? { ok: true, config: stand.config } : { ok: false, reason: "sites: required" },
  });
  document = (await (await fetch(`${gateway.adminUrl}/api/v1/openapi.json`)).json()) as Document;
});

afterAll(async () => {
  await gateway.close();
  await stand.close();
});

function operationsOf({ paths }: Document): Told[] {
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => {
      const line = `${method.toUpperCase()} ${path}`;
      return { line, method: method.toUpperCase(), path, operation };
    }),
  );
}

function ask({ line, method, path }: Told, headers: Record<string, string> = {}): ReturnType<typeof fetch> {
  const url = `${gateway.adminUrl}${path.replace(/\{(\w+)\}/g, (_, name: string) => siteOr(path, name))}`;
  if (method === "GET") return fetch(url, { headers });
  return fetch(url, { method, headers, body: JSON.stringify(BODIES[line] ?? {}) });
}

function siteOr(path: string, name: string): string {
  return path.startsWith("/sites/") ? "ny1" : NAMES[name]!;
}

/** What is wrong with an answer, by the document. */
async function problemsOf(
  { line, operation }: Told,
  answer: Awaited<ReturnType<typeof ask>>,
): Promise<string[]> {
  const response = operation.responses[answer.status];
  if (response === undefined) return [`${line}: ${answer.status} is not described`];
  const [type, { schema }] = Object.entries(response.content)[0]!;
  if (!(answer.headers.get("content-type") ?? "").startsWith(type)) return [`${line}: not ${type}`];
  if (schema.$ref === undefined) return [];
  const named = document.components.schemas[schema.$ref.split("/").at(-1)!]!;
  const { error } = z.fromJSONSchema(named).safeParse(await answer.json());
  return error === undefined ? [] : [`${line} ${answer.status}: ${z.prettifyError(error)}`];
}

async function allProblems(headers: Record<string, string>, ...statuses: number[]): Promise<string[]> {
  const problems: string[] = [];
  // The drain of everything is last: it changes what the others answer.
  const asked = operationsOf(document).toSorted(
    (one, other) => Number(one.path === "/drain") - Number(other.path === "/drain"),
  );
  for (const told of asked) {
    const answer = await ask(told, headers);
    problems.push(...(await problemsOf(told, answer)));
    const expected = told.method === "GET" ? 200 : statuses[0];
    if (answer.status !== expected) problems.push(`${told.line}: ${answer.status}`);
  }
  return problems;
}

test("it is valid OpenAPI 3.1, and no two operations have the same name", async () => {
  expect(document.openapi).toBe("3.1.0");
  const { errors, valid } = await new Validator().validate(structuredClone(document) as never);
  expect(errors ?? []).toEqual([]);
  expect(valid).toBe(true);
  const ids = operationsOf(document).map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
});

test("every route of the server is in it, and nothing else", async () => {
  const server = createAdmin({ token: TOKEN, hostNames: [], version: "1", reload: () => null } as never);
  await server.ready();
  const routes = server.printRoutes({ commonPrefix: false });
  // A tree: a branch deeper is four characters further.
  const stack: string[] = [];
  const lines = routes.split("\n").flatMap((text) => {
    const [, indent, part, methods] = /^([^\w/:]*)(\S*) ?(?:\((.*)\))?$/.exec(text) ?? [];
    if (indent === undefined || part === "") return [];
    stack.length = indent.length / 4 - 1;
    stack.push(part!);
    const path = stack.join("").replace(/:(\w+)/g, "{$1}");
    return (methods ?? "")
      .split(", ")
      .filter((method) => method !== "" && method !== "HEAD")
      .map((method) => `${method} ${path}`);
  });
  expect(lines.length).toBeGreaterThan(25);
  expect(
    operationsOf(document)
      .map(({ line }) => line)
      .toSorted(),
  ).toEqual(lines.toSorted());
  const { paths } = (await (await fetch(`${gateway.adminUrl}/`)).json()) as { paths: string[] };
  expect(paths.toSorted()).toEqual(OPERATION_LINES.toSorted());
  await server.close();
});

test("a route that nobody has described keeps the server from starting", async () => {
  const server = createAdmin({ token: TOKEN, hostNames: [], version: "1" } as unknown as AdminOptions);
  server.get("/secret", async () => null);
  await expect(server.ready().then(() => "started", String)).resolves.toContain(
    "GET /secret is not described",
  );
  expect(() => openApiOf(["GET /secret"], "1")).toThrow("GET /secret is not described");
});

test("everything in it answers as it says; what changes something asks for the token", async () => {
  expect(await allProblems({ "content-type": "application/json" }, 401)).toEqual([]);
  expect(await allProblems(ALLOWED, 200)).toEqual([]);
  const isOrder = ({ operation }: Told): boolean => operation.security !== undefined;
  expect(operationsOf(document).every((told) => isOrder(told) === (told.method !== "GET"))).toBe(true);
});

test("bodies are what the server takes, no more and no less", () => {
  const takes = (line: string, body: unknown): boolean => {
    const { operation } = operationsOf(document).find((told) => told.line === line)!;
    const { schema } = operation.requestBody!.content["application/json"]!;
    return z.fromJSONSchema(schema).safeParse(body).success;
  };
  for (const { line, method } of operationsOf(document)) {
    if (method !== "GET") expect(`${line} ${takes(line, BODIES[line] ?? {})}`).toBe(`${line} true`);
  }
  expect(takes("PUT /nodes/{id}/weight", { weight: 10_001 })).toBe(false);
  expect(takes("PUT /api/v1/rate-limit", { all: { requestsPerSecond: -1 } })).toBe(false);
});

test("what is refused is told as it says, too", async () => {
  const byLine = new Map(operationsOf(document).map((told) => [told.line, told]));
  const check = async (line: string, status: number, path: string, init: RequestInit = {}): Promise<void> => {
    const answer = await fetch(`${gateway.adminUrl}${path}`, init);
    expect(`${line} ${answer.status}`).toBe(`${line} ${status}`);
    expect(await problemsOf(byLine.get(line)!, answer)).toEqual([]);
  };
  const order = { method: "PUT", headers: ALLOWED };
  await check("PUT /nodes/{id}/weight", 400, "/nodes/ny1-1/weight", { ...order, body: '{"weight":10001}' });
  await check("PUT /nodes/{id}/weight", 400, "/nodes/none/weight", { ...order, body: '{"weight":1}' });
  await check("PUT /api/v1/rate-limit", 400, "/api/v1/rate-limit", { ...order, body: '{"all":1}' });
  await check("GET /api/v1/why", 400, "/api/v1/why?vantage=nowhere");
  await check("GET /status", 403, "/status", { headers: { origin: "http://evil.example" } });
  const post = { method: "POST", headers: ALLOWED, body: "{}" };
  await check("POST /drain", 400, "/drain", { ...post, body: "{" });
  await check("POST /drain", 415, "/drain", {
    ...post,
    headers: { ...ALLOWED, "content-type": "text/plain" },
  });
  isConfigGood = false;
  await check("POST /api/v1/reload", 422, "/api/v1/reload", post);
  // It has been told to drain before.
  for (const path of ["/health", "/health/ready", "/ready"]) await check(`GET ${path}`, 503, path);
});
