/** The admin API as an OpenAPI 3.1 document, made of one table: a line for each operation, with what it takes and answers. */
import type { FastifyInstance } from "fastify";

export const OPENAPI_PATHS = ["GET /api/v1/openapi.json"];

interface Operation {
  readonly summary: string;
  readonly tag: "health" | "nodes" | "admission" | "configuration" | "cache" | "breakers" | "seeing";
  /** Of the query, all optional, with what they say. */
  readonly query?: Readonly<Record<string, string>>;
  /** JSON schema of the body. */
  readonly body?: object;
  /** Another type of the answer than JSON. */
  readonly type?: string;
  /** Statuses beside 200, and those of every order. */
  readonly statuses?: Readonly<Record<number, string>>;
}

const RATE = {
  type: "object",
  properties: {
    requestsPerSecond: { type: "number", minimum: 0 },
    burst: { type: "integer", minimum: 1 },
  },
};

const NOTHING = { type: "object", additionalProperties: false };
const UNKNOWN = { 400: "There is none of that name; the message says which there are." };

/** Method and path as the server lists them. */
const OPERATIONS: Readonly<Record<string, Operation>> = {
  "GET /status": { tag: "seeing", summary: "Everything the gateway knows, as one document." },
  "GET /stats": { tag: "seeing", summary: "The nodes as a table, for people.", type: "text/html" },
  "GET /metrics": { tag: "seeing", summary: "Metrics in Prometheus' text format.", type: "text/plain" },
  "GET /api/v1/why": {
    tag: "seeing",
    summary: "The nodes a request may be given to, in order, and why each other one not.",
    query: {
      vantage: "Where the request comes from; absent: the default.",
      path: "Its path, for path patterns.",
      method: "Its method, GET if absent.",
      host: "Its host.",
    },
    statuses: UNKNOWN,
  },
  "GET /api/v1/openapi.json": { tag: "seeing", summary: "This document." },
  "GET /health": {
    tag: "health",
    summary: "A level for each site, and one word for all of it.",
    statuses: { 503: "No node takes requests, or the gateway is stopping." },
  },
  "GET /health/live": { tag: "health", summary: "The process is alive." },
  "GET /health/ready": { tag: "health", summary: "Traffic may come.", statuses: { 503: "It may not." } },
  "GET /ready": { tag: "health", summary: "The same.", statuses: { 503: "It may not." } },
  "GET /health/circuit-breakers": { tag: "health", summary: "The state of each site's breaker." },
  "POST /circuit-breakers/:name/open": {
    tag: "breakers",
    summary: "Holds a breaker open.",
    body: NOTHING,
    statuses: UNKNOWN,
  },
  "POST /circuit-breakers/:name/close": {
    tag: "breakers",
    summary: "Holds it closed.",
    body: NOTHING,
    statuses: UNKNOWN,
  },
  "POST /circuit-breakers/:name/reset": {
    tag: "breakers",
    summary: "Leaves it to itself again, closed, with no calls remembered.",
    body: NOTHING,
    statuses: UNKNOWN,
  },
  "POST /nodes/:id/drain": {
    tag: "nodes",
    summary: "No new requests for a node; what is open ends.",
    body: NOTHING,
    statuses: UNKNOWN,
  },
  "POST /nodes/:id/undrain": { tag: "nodes", summary: "Ends its drain.", body: NOTHING, statuses: UNKNOWN },
  "PUT /nodes/:id/weight": {
    tag: "nodes",
    summary: "Its share of its site's requests, until the next reload.",
    body: {
      type: "object",
      required: ["weight"],
      properties: { weight: { type: "integer", minimum: 0, maximum: 1_000_000 } },
    },
    statuses: UNKNOWN,
  },
  "PUT /api/v1/nodes/:id/disable": {
    tag: "nodes",
    summary: "The emergency switch: the same as drain.",
    body: NOTHING,
    statuses: UNKNOWN,
  },
  "PUT /api/v1/nodes/:id/enable": { tag: "nodes", summary: "Ends it.", body: NOTHING, statuses: UNKNOWN },
  "PUT /api/v1/connections/:id/disable": {
    tag: "nodes",
    summary: "The same under another name.",
    body: NOTHING,
    statuses: UNKNOWN,
  },
  "PUT /api/v1/connections/:id/enable": {
    tag: "nodes",
    summary: "The same under another name.",
    body: NOTHING,
    statuses: UNKNOWN,
  },
  "POST /sites/:id/drain": {
    tag: "nodes",
    summary: "No new requests for all nodes of a site.",
    body: NOTHING,
    statuses: UNKNOWN,
  },
  "POST /sites/:id/undrain": { tag: "nodes", summary: "Ends it.", body: NOTHING, statuses: UNKNOWN },
  "POST /drain": {
    tag: "nodes",
    summary: "The gateway is not ready any more, and says close to its clients.",
    body: NOTHING,
  },
  "GET /api/v1/rate-limit": { tag: "admission", summary: "The rates in force." },
  "PUT /api/v1/rate-limit": {
    tag: "admission",
    summary: "Other rates, until the next reload; 0: none.",
    body: { type: "object", properties: { all: RATE, perClient: RATE }, additionalProperties: false },
    statuses: { 400: "That is no rate." },
  },
  "GET /api/v1/cache": { tag: "cache", summary: "How much is kept." },
  "DELETE /api/v1/cache": { tag: "cache", summary: "Forgets kept answers and names.", body: NOTHING },
  "GET /api/v1/reload": { tag: "configuration", summary: "What a reload would change." },
  "POST /api/v1/reload": {
    tag: "configuration",
    summary: "Reads the file again, and puts it in force if it is good.",
    body: NOTHING,
    statuses: { 422: "It is not, and the one before stays." },
  },
};

/** Of every order: POST, PUT, DELETE. */
const REFUSED = {
  401: "No valid token.",
  403: "The Origin is not the server's own.",
  415: "The body is not JSON.",
  421: "The Host does not name this server.",
};

/** `paths`: as the server lists them, `GET /status`. Throws when one is not in the table: it would go untold. */
export function openApiOf(paths: readonly string[], version: string): object {
  const document: Record<string, Record<string, object>> = {};
  for (const line of paths) {
    const operation = OPERATIONS[line];
    if (operation === undefined) throw new Error(`${line} is not described`);
    const [method = "", path = ""] = line.split(" ");
    const told = path.replace(/:(\w+)/g, "{$1}");
    document[told] = { ...document[told], [method.toLowerCase()]: describe(method, path, operation) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Anycastle gateway, admin API",
      version,
      description: "GET changes nothing and needs no token; everything else takes JSON and a bearer token.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    paths: document,
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
      schemas: {
        Error: {
          type: "object",
          required: ["error"],
          properties: {
            error: {
              type: "object",
              required: ["code", "message"],
              properties: {
                code: { type: "string" },
                message: { type: "string" },
                hint: { type: "string" },
              },
            },
          },
        },
      },
    },
  };
}

export function addOpenApiRoute(server: FastifyInstance, paths: readonly string[], version: string): void {
  const document = openApiOf(paths, version);
  server.get("/api/v1/openapi.json", async () => document);
}

function describe(
  method: string,
  path: string,
  { body, query = {}, statuses = {}, summary, tag, type }: Operation,
): object {
  const isOrder = method !== "GET";
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  const inQuery = Object.entries(query).map(([name, description]) => ({
    name,
    in: "query",
    description,
    schema: { type: "string" },
  }));
  const failures = Object.entries({ ...(isOrder ? REFUSED : {}), ...statuses }).map(
    ([status, description]) => [
      status,
      { description, content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } } },
    ],
  );
  return {
    operationId: `${method.toLowerCase()}${path.replace(/[/:.-]+(\w)/g, (_, letter: string) => letter.toUpperCase())}`,
    summary,
    tags: [tag],
    ...(inPath.length + inQuery.length === 0 ? {} : { parameters: [...inPath, ...inQuery] }),
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { "application/json": { schema: body } } } }),
    ...(isOrder ? { security: [{ token: [] }] } : {}),
    responses: {
      200: { description: summary, content: { [type ?? "application/json"]: { schema: {} } } },
      ...Object.fromEntries(failures),
    },
  };
}
