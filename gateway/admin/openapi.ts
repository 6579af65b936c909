/**
 * The admin API as an OpenAPI 3.1 document, made of one table: a line for each operation, with what it takes and answers. Which
 * operations there are the server's own routes say; one that is not in the table keeps the server from starting.
 */
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { ANSWERS, type AnswerName } from "./answers.ts";
import { weightSchema } from "./nodes.ts";
import { ratesSchema } from "./rate-limit.ts";

interface Operation {
  readonly summary: string;
  readonly tag: "health" | "nodes" | "admission" | "configuration" | "cache" | "breakers" | "seeing";
  /** Of the query, all optional, with what they say. */
  readonly query?: Readonly<Record<string, string>>;
  /** Of an order's body; absent: an empty object. */
  readonly body?: z.ZodType;
  /** A name of `ANSWERS`, or another type than JSON. */
  readonly answer: AnswerName | "text/html" | "text/plain";
  /** Statuses beside 200 with an answer of the same kind. */
  readonly alsoAnswers?: Readonly<Record<number, string>>;
  /** Statuses with an error, beside those of every order. */
  readonly fails?: Readonly<Record<number, string>>;
}

const UNKNOWN = { 400: "There is none of that name; the message says which there are." };
const NO_TRAFFIC = { 503: "It may not." };

/** Method and path as the server lists them. */
const OPERATIONS: Readonly<Record<string, Operation>> = {
  "GET /": { tag: "seeing", summary: "All there is, a line each.", answer: "paths" },
  "GET /status": {
    tag: "seeing",
    summary: "Everything the gateway knows, as one document.",
    answer: "status",
  },
  "GET /stats": { tag: "seeing", summary: "The nodes as a table, for people.", answer: "text/html" },
  "GET /metrics": {
    tag: "seeing",
    summary: "Metrics in Prometheus' text format.",
    answer: "text/plain",
  },
  "GET /api/v1/why": {
    tag: "seeing",
    summary: "The nodes a request may be given to, in order, and why each other one not.",
    query: {
      vantage: "Where the request comes from; absent: the default.",
      path: "Its path, for path patterns.",
      method: "Its method, GET if absent.",
      host: "Its host.",
      client: "Its client's address, for the `split` of a path pattern.",
      subset: "In place of that: one of the split's subsets.",
    },
    answer: "why",
    fails: UNKNOWN,
  },
  "GET /api/v1/openapi.json": { tag: "seeing", summary: "This document.", answer: "document" },
  "GET /health": {
    tag: "health",
    summary: "A level for each site, and one word for all of it.",
    answer: "health",
    alsoAnswers: { 503: "No node takes requests, or the gateway is stopping." },
  },
  "GET /health/live": { tag: "health", summary: "The process is alive.", answer: "healthLevel" },
  "GET /health/ready": {
    tag: "health",
    summary: "Traffic may come.",
    answer: "healthLevel",
    alsoAnswers: NO_TRAFFIC,
  },
  "GET /ready": { tag: "health", summary: "The same.", answer: "healthLevel", alsoAnswers: NO_TRAFFIC },
  "GET /api/v1/health/cluster": {
    tag: "health",
    summary: "The cluster in numbers: one word, nodes that are healthy, nodes that have failed.",
    answer: "clusterHealth",
  },
  "GET /health/circuit-breakers": {
    tag: "health",
    summary: "The state of each breaker: of sites, and of the collector of traces.",
    answer: "breakers",
  },
  "POST /circuit-breakers/:name/open": {
    tag: "breakers",
    summary: "Holds a breaker open.",
    answer: "breaker",
    fails: UNKNOWN,
  },
  "POST /circuit-breakers/:name/close": {
    tag: "breakers",
    summary: "Holds it closed.",
    answer: "breaker",
    fails: UNKNOWN,
  },
  "POST /circuit-breakers/:name/reset": {
    tag: "breakers",
    summary: "Leaves it to itself again, closed, with no calls remembered.",
    answer: "breaker",
    fails: UNKNOWN,
  },
  "POST /nodes/:id/drain": {
    tag: "nodes",
    summary: "No new requests for a node; what is open ends.",
    answer: "nodes",
    fails: UNKNOWN,
  },
  "POST /nodes/:id/undrain": { tag: "nodes", summary: "Ends its drain.", answer: "nodes", fails: UNKNOWN },
  "PUT /nodes/:id/weight": {
    tag: "nodes",
    summary: "Its share of its site's requests, until the next reload.",
    body: weightSchema,
    answer: "weight",
    fails: { 400: "There is no such node, or that is no weight." },
  },
  "PUT /api/v1/nodes/:id/disable": {
    tag: "nodes",
    summary: "The emergency switch: the same as drain.",
    answer: "nodes",
    fails: UNKNOWN,
  },
  "PUT /api/v1/nodes/:id/enable": { tag: "nodes", summary: "Ends it.", answer: "nodes", fails: UNKNOWN },
  "PUT /api/v1/connections/:id/disable": {
    tag: "nodes",
    summary: "The same under another name.",
    answer: "nodes",
    fails: UNKNOWN,
  },
  "PUT /api/v1/connections/:id/enable": {
    tag: "nodes",
    summary: "The same under another name.",
    answer: "nodes",
    fails: UNKNOWN,
  },
  "POST /sites/:id/drain": {
    tag: "nodes",
    summary: "No new requests for all nodes of a site.",
    answer: "nodes",
    fails: UNKNOWN,
  },
  "POST /sites/:id/undrain": { tag: "nodes", summary: "Ends it.", answer: "nodes", fails: UNKNOWN },
  "POST /drain": {
    tag: "nodes",
    summary: "The gateway is not ready any more, and says close to its clients.",
    answer: "drain",
  },
  "GET /api/v1/rate-limit": { tag: "admission", summary: "The rates in force.", answer: "rates" },
  "PUT /api/v1/rate-limit": {
    tag: "admission",
    summary: "Other rates, until the next reload; 0: none.",
    body: ratesSchema,
    answer: "rates",
    fails: { 400: "That is no rate." },
  },
  "GET /api/v1/cache": { tag: "cache", summary: "How much is kept.", answer: "cache" },
  "DELETE /api/v1/cache": { tag: "cache", summary: "Forgets kept answers and names.", answer: "cleared" },
  "GET /api/v1/reload": {
    tag: "configuration",
    summary: "What a reload would change.",
    answer: "reload",
  },
  "POST /api/v1/reload": {
    tag: "configuration",
    summary: "Reads the file again, and puts it in force if it is good.",
    answer: "reload",
    alsoAnswers: { 422: "It is not, and the one before stays." },
  },
};

/** Everything there may be; a server that has nowhere to read a configuration from lacks the reload. */
export const OPERATION_LINES: readonly string[] = Object.keys(OPERATIONS);

/** Of everything. */
const REFUSED = {
  403: "The Origin is not the server's own.",
  421: "The Host does not name this server.",
};
/** Of every order: POST, PUT, DELETE. */
const ORDER_REFUSED = {
  400: "The body is no JSON.",
  401: "No valid token.",
  415: "The body is not said to be JSON.",
};

/** `lines`: as the server lists them, `GET /status`. */
export function openApiOf(lines: readonly string[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const line of lines) {
    const [method = "", path = ""] = line.split(" ");
    const told = path.replace(/:(\w+)/g, "{$1}");
    paths[told] = { ...paths[told], [method.toLowerCase()]: describe(method, path, operationOf(line)) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Anycastle gateway, admin API",
      version,
      description: "GET changes nothing and needs no token; everything else takes JSON and a bearer token.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    paths,
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
      schemas: Object.fromEntries(
        Object.entries(ANSWERS).map(([name, schema]) => [name, jsonSchemaOf(schema)]),
      ),
    },
  };
}

/** `lines`: of the server, complete when it is ready. */
export function addOpenApiRoute(server: FastifyInstance, lines: readonly string[], version: string): void {
  server.addHook("onReady", async () => lines.forEach(operationOf));
  let document: object | undefined;
  server.get("/api/v1/openapi.json", async () => (document ??= openApiOf(lines, version)));
}

function operationOf(line: string): Operation {
  const operation = OPERATIONS[line];
  if (operation === undefined) throw new Error(`${line} is not described in gateway/admin/openapi.ts`);
  return operation;
}

function describe(method: string, path: string, operation: Operation): object {
  const { alsoAnswers = {}, answer, body = z.strictObject({}), fails = {}, query, summary, tag } = operation;
  const isOrder = method !== "GET";
  const parameters = parametersOf(path, query);
  const failures = { ...REFUSED, ...(isOrder ? ORDER_REFUSED : {}), ...fails };
  const answers = { 200: summary, ...alsoAnswers };
  return {
    operationId: `${method.toLowerCase()}${path.replace(/[/:.-]+(\w?)/g, (_, letter: string) => letter.toUpperCase())}`,
    summary,
    tags: [tag],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(isOrder
      ? {
          requestBody: { required: true, content: { "application/json": { schema: jsonSchemaOf(body) } } },
          security: [{ token: [] }],
        }
      : {}),
    responses: { ...responsesOf(failures, "error"), ...responsesOf(answers, answer) },
  };
}

function parametersOf(path: string, query: Readonly<Record<string, string>> = {}): object[] {
  const schema = { type: "string" };
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema,
  }));
  const inQuery = Object.entries(query).map(([name, description]) => ({
    name,
    in: "query",
    description,
    schema,
  }));
  return [...inPath, ...inQuery];
}

function responsesOf(told: Readonly<Record<number, string>>, answer: Operation["answer"]): object {
  const content = answer.includes("/")
    ? { [answer]: { schema: { type: "string" } } }
    : { "application/json": { schema: { $ref: `#/components/schemas/${answer}` } } };
  return Object.fromEntries(
    Object.entries(told).map(([status, description]) => [status, { description, content }]),
  );
}

/** Of JSON Schema 2020-12, which is OpenAPI 3.1's own: it need not be named. */
function jsonSchemaOf(schema: z.ZodType): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: "input" });
  return rest;
}
