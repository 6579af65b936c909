/**
 * What a node serves: pages, a large body, an echo, a slow answer, health. Every answer, errors included, names the
 * site in `x-edge-route` and the node in `x-edge-node`.
 *
 *   /  and any page          after the think time
 *   /bytes?size=N            N bytes, ranges and a strong ETag
 *   /echo                    the request's body back; counts executions of methods that may not be repeated
 *   /slow?ms=N               answers after N ms
 *   /executions              how often each request key was executed (DELETE forgets)
 *   /health /health/live /health/ready /ready
 */
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { after, nowMs, wallClock } from "#core/host/clock.ts";
import { uptimeText } from "#core/uptime-text.ts";
import type { NodeServing } from "#core/wire/events.ts";
import type { Wire } from "./cable.ts";
import type { Executions } from "./executions.ts";
import { serveLargeBody } from "./large-body.ts";
import type { Misbehaving } from "./misbehaviour/misbehaving.ts";

const SLOW_MS_MAX = 60_000;
/** Timers count whole milliseconds of the loop's own clock and fire about this much late. */
const TIMER_LATE_MS = 1;
const KEY_LENGTH_MAX = 200;
const SAFE_METHODS: readonly string[] = ["GET", "HEAD", "OPTIONS", "TRACE"];

export interface OriginState {
  readonly node: string;
  readonly site: string;
  readonly thinkTimeMs: number;
  readonly executions: Executions;
  readonly misbehaving: Misbehaving;
  serving: NodeServing;
  bgp: "up" | "down" | "none";
  /** Requests for anything but health, open now and ever; when the last one came or ended. */
  open: number;
  requests: number;
  lastActiveMs: number;
  readonly startedMs: number;
}

export function handleRequest(state: OriginState, request: IncomingMessage, response: ServerResponse): void {
  const wire = request.socket as unknown as Wire;
  wire.responsesOpen += 1;
  response.once("close", () => (wire.responsesOpen -= 1));
  response.setHeader("x-edge-route", state.site);
  response.setHeader("x-edge-node", state.node);
  if (state.serving === "draining") {
    response.setHeader("x-node-state", "draining");
    response.setHeader("connection", "close");
  }
  const url = targetOf(request.url ?? "/");
  if (url === undefined) return answer(response, 400, "the target is no URL\n");
  if (request.headers.host === undefined && request.httpVersion === "1.1") {
    return answer(response, 400, "the Host field is missing\n"); // RFC 9112 §3.2
  }
  const { expect } = request.headers;
  if (expect !== undefined && expect.toLowerCase() !== "100-continue") {
    return answer(response, 417, "there is no such expectation here\n");
  }
  if (serveHealth(state, url.pathname, request, response)) return;
  state.open += 1;
  state.requests += 1;
  state.lastActiveMs = nowMs();
  response.once("close", () => {
    state.open -= 1;
    state.lastActiveMs = nowMs();
  });
  if (state.misbehaving.isWell) return serve(state, url, request, response);
  state.misbehaving.meet(request, response, () => serve(state, url, request, response));
}

/** `code` is that of the parser's error: what it could not read, or waited for too long. */
export function refuseMalformed(state: OriginState, code: string | undefined, wire: Duplex): void {
  if (!wire.writable || (wire as Wire).responsesOpen > 0) return void wire.destroy();
  const status = code === undefined ? 400 : (STATUS_OF_PARSER_ERROR[code] ?? 400);
  wire.end(rawAnswer(state, status), () => wire.destroy());
}

export function refuseConnect(state: OriginState, wire: Duplex): void {
  wire.on("error", () => undefined); // The HTTP server has let go of it.
  wire.end(rawAnswer(state, 405), () => wire.destroy());
}

const STATUS_OF_PARSER_ERROR: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

function rawAnswer(state: OriginState, status: number): string {
  const fields = `x-edge-route: ${state.site}\r\nx-edge-node: ${state.node}\r\n`;
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${fields}connection: close\r\ncontent-length: 0\r\n\r\n`;
}

function serve(state: OriginState, url: URL, request: IncomingMessage, response: ServerResponse): void {
  switch (url.pathname) {
    case "/bytes":
      return later(state.thinkTimeMs, request, () => serveLargeBody(url, request, response));
    case "/echo":
      return later(state.thinkTimeMs, request, () => echo(state, request, response));
    case "/slow":
      return later(slowMs(url.searchParams.get("ms")), request, () => answer(response, 200, "slow\n"));
    case "/executions":
      if (request.method === "DELETE") state.executions.clear();
      return json(response, 200, state.executions.report());
    default:
      return later(state.thinkTimeMs, request, () => page(state, url, request, response));
  }
}

/** Does the work after `ms`, unless the client has gone meanwhile: what nobody waits for is not executed. */
function later(ms: number, request: IncomingMessage, work: () => void): void {
  if (ms === 0) return work();
  after(Math.max(1, ms - TIMER_LATE_MS), () => {
    const wire = request.socket as unknown as Wire;
    if (!wire.destroyed && !wire.isPeerGone) work();
  });
}

function page(state: OriginState, url: URL, request: IncomingMessage, response: ServerResponse): void {
  countExecution(state, request);
  const body = `${state.node} at ${state.site} served ${url.pathname}\n`;
  response.writeHead(200, {
    "content-type": "text/plain; charset=utf-8",
    "content-length": Buffer.byteLength(body),
  });
  response.end(request.method === "HEAD" ? undefined : body);
}

function echo(state: OriginState, request: IncomingMessage, response: ServerResponse): void {
  countExecution(state, request);
  response.statusCode = 200;
  const type = request.headers["content-type"];
  if (type !== undefined) response.setHeader("content-type", type);
  const length = request.headers["content-length"];
  if (length !== undefined) response.setHeader("content-length", length);
  request.pipe(response);
}

function countExecution(state: OriginState, request: IncomingMessage): void {
  if (SAFE_METHODS.includes(request.method ?? "GET")) return;
  const key = request.headers["idempotency-key"] ?? request.headers["x-request-id"];
  if (typeof key === "string" && key.length <= KEY_LENGTH_MAX) state.executions.record(key);
}

function serveHealth(
  state: OriginState,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  if (request.method !== "GET" && request.method !== "HEAD") return false;
  const isReady = state.serving === "ready";
  switch (path) {
    case "/health/live":
      json(response, 200, { status: "healthy", node: state.node });
      return true;
    case "/health/ready":
    case "/ready":
      // Asked by the node itself before it announces: serving has begun once the listener answers.
      json(response, isReady || state.serving === "starting" ? 200 : 503, {
        status: state.serving,
        node: state.node,
      });
      return true;
    case "/health":
      json(response, isReady ? 200 : 503, fullHealth(state));
      return true;
    default:
      return false;
  }
}

function fullHealth(state: OriginState): unknown {
  const timestamp = wallClock();
  const components: { name: string; status: string; message: string; timestamp: string }[] = [
    {
      name: "http",
      status: state.serving === "ready" ? "healthy" : "unhealthy",
      message: state.serving,
      timestamp,
    },
  ];
  if (state.bgp !== "none") {
    const status = state.bgp === "up" ? "healthy" : "degraded";
    components.push({ name: "bgp", status, message: `session ${state.bgp}`, timestamp });
  }
  const worst = components.some((component) => component.status === "unhealthy")
    ? "unhealthy"
    : components.some((component) => component.status === "degraded")
      ? "degraded"
      : "healthy";
  return { status: worst, timestamp, components, uptime: uptimeText(nowMs() - state.startedMs) };
}

function slowMs(text: string | null): number {
  const ms = Number(text ?? 1000);
  return Number.isFinite(ms) ? Math.min(Math.max(0, ms), SLOW_MS_MAX) : 1000;
}

/** Undefined for what no URL parser takes; the authority is ours, so that only path and query count. */
function targetOf(target: string): URL | undefined {
  return URL.parse(target.startsWith("/") ? `http://node${target}` : target) ?? undefined;
}

function answer(response: ServerResponse, status: number, body: string): void {
  response
    .writeHead(status, { "content-type": "text/plain; charset=utf-8", "content-length": body.length })
    .end(body);
}

function json(response: ServerResponse, status: number, value: unknown): void {
  const body = JSON.stringify(value);
  const fields = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  response.writeHead(status, fields).end(body);
}
