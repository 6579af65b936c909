/**
 * The control API of a lab (`core/wire/control.ts`): what the command line, the page and drills call. It checks what it
 * is given and passes it on; who may call is decided before, by the control server of the core.
 */
import { networkInterfaces } from "node:os";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { EXIT, UserError } from "#core/errors.ts";
import { nowNs } from "#core/host/clock.ts";
import { createControlServer } from "#core/host/control-server.ts";
import type { ActionReply } from "#core/wire/control.ts";
import type { EventBody } from "#core/wire/events.ts";
import { FAULT_HOWS } from "#core/wire/faults.ts";
import { httpUrl, isWildcard, urlHost } from "../http-url.ts";
import type { Lab } from "../lab.ts";
import { addPageRoutes, PAGE_PATHS, SESSION_PATH } from "../page/page-routes.ts";
import { PageSessions } from "../page/sessions.ts";
import { addFaultRoutes, FAULT_PATHS } from "./fault-routes.ts";
import { EventStream } from "./event-stream.ts";
import { parseBody } from "./parse-body.ts";

const FOLLOWERS_MAX = 64;
const EVENT_LENGTH_MAX = 16 * 1024;

const target = z.strictObject({ target: z.string().min(1).max(80) });
const failure = z.strictObject({ target: z.string().min(1).max(80), how: z.enum(FAULT_HOWS) });
const percent = z.int().min(1).max(100);
const misbehaviour = z.strictObject({
  target: z.string().min(1).max(80),
  as: z
    .discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("http_error"), percent, status: z.int().min(400).max(599) }),
      z.strictObject({ kind: z.literal("corrupt_body"), percent }),
      z.strictObject({ kind: z.literal("slow_answer"), percent, delayMs: z.int().min(1).max(600_000) }),
      z.strictObject({ kind: z.literal("cpu"), percent }),
      z.strictObject({ kind: z.literal("memory"), bytes: z.int().min(1_048_576).max(68_719_476_736) }),
    ])
    .nullable(),
});
const empty = z.strictObject({});
/** Only what happens outside the cast may be reported from outside. */
const eventBody = z.looseObject({
  kind: z.enum([
    "load.started",
    "load.window",
    "load.failed",
    "load.finished",
    "test.row",
    "test.finished",
    "step",
  ]),
});

const PATHS = [
  "GET /api/v1/status",
  "GET /api/v1/events?since=SEQ&follow=1",
  "POST /api/v1/fail",
  "POST /api/v1/misbehave",
  "POST /api/v1/revive",
  "POST /api/v1/drain",
  "POST /api/v1/reset",
  "POST /api/v1/events",
  "POST /api/v1/stop",
  ...FAULT_PATHS,
  ...PAGE_PATHS,
];

export interface ControlOptions {
  readonly host: string;
  readonly port: number;
  readonly token: string;
}

export interface RunningControl {
  /** The secret of a new one-time link to the page. */
  issueKey(): string;
  /** Ends the streams, then the server. */
  close(): Promise<void>;
}

export async function startControl(lab: Lab, { host, port, token }: ControlOptions): Promise<RunningControl> {
  const sessions = new PageSessions(port);
  const server = createControlServer({
    token,
    hostNames: hostNames(host),
    isSession: (cookies, pageKey) => sessions.isSession(cookies, pageKey),
    openPaths: new Set([SESSION_PATH]),
    indexPath: "/api/v1",
  });
  const streams = new Set<EventStream>();
  server.get("/api/v1", async () => ({ paths: PATHS }));
  server.get("/api/v1/status", async () => lab.status());
  addEventRoutes(server, lab, streams);
  addOrders(server, lab);
  addFaultRoutes(server, lab);
  const hub = addPageRoutes(server, lab, sessions);
  try {
    await server.listen({ host, port });
  } catch (error) {
    hub.close();
    throw new UserError("PORT_BUSY", `the control API cannot listen on ${httpUrl(host, port)}`, {
      hint: "somebody took the port meanwhile; try again",
      exitCode: EXIT.failure,
      cause: error,
    });
  }
  return {
    issueKey: () => sessions.issueKey(),
    close: async () => {
      hub.close();
      for (const stream of streams) stream.end();
      await server.close();
    },
  };
}

function addEventRoutes(server: FastifyInstance, lab: Lab, streams: Set<EventStream>): void {
  server.get<{ Querystring: { since?: string; follow?: string } }>("/api/v1/events", (request, reply) => {
    const since = sinceOf(request.query.since);
    const isFollowing = request.query.follow === "1";
    if (streams.size >= FOLLOWERS_MAX) {
      throw new UserError("FOLLOWERS_MAX", `${FOLLOWERS_MAX} readers follow the events already`, {
        exitCode: EXIT.failure,
      });
    }
    reply.hijack();
    const stream = new EventStream(lab.journal, reply.raw, since, isFollowing);
    streams.add(stream);
    reply.raw.on("close", () => streams.delete(stream));
  });
  server.post("/api/v1/events", async ({ body }): Promise<ActionReply> => {
    const {
      seq: _seq,
      atNs: _atNs,
      source: _source,
      ...event
    } = parseBody(eventBody, body) as Record<string, unknown>;
    if (JSON.stringify(event).length > EVENT_LENGTH_MAX) {
      throw new UserError("BODY_INVALID", `an event is at most ${EVENT_LENGTH_MAX} characters`);
    }
    const { atNs } = lab.emit(event as unknown as EventBody, event["kind"] === "step" ? "lab" : "load");
    return { nodes: [], atNs };
  });
}

function addOrders(server: FastifyInstance, lab: Lab): void {
  server.post("/api/v1/fail", async ({ body }) => lab.fail(parseBody(failure, body)));
  server.post("/api/v1/misbehave", async ({ body }) => lab.misbehave(parseBody(misbehaviour, body)));
  server.post("/api/v1/revive", async ({ body }) => lab.revive(parseBody(target, body)));
  server.post("/api/v1/drain", async ({ body }) => lab.drain(parseBody(target, body)));
  server.post("/api/v1/reset", async ({ body }) => {
    parseBody(empty, body);
    return lab.reset();
  });
  server.post("/api/v1/stop", async ({ body }, reply): Promise<ActionReply> => {
    parseBody(empty, body);
    // When the answer has left; the lab closes this server.
    reply.raw.once("close", () => lab.askToStop());
    void reply.header("connection", "close");
    return { nodes: [], atNs: nowNs() };
  });
}

function sinceOf(text: string | undefined): number {
  const since = Number(text ?? 0);
  if (Number.isSafeInteger(since) && since >= 0) return since;
  throw new UserError("SINCE_INVALID", `since=${text?.slice(0, 20)} is no number of an event`, {
    hint: "since=0 gives all that are known",
  });
}

/** Names under which the server may be addressed, beside those of loopback. */
function hostNames(host: string): string[] {
  if (!isWildcard(host)) return [urlHost(host)];
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return addresses.map(({ address }) => urlHost(address));
}
