/**
 * What the page asks of its lab, beside the orders that commands give too: its files, its stream, the session that a
 * one-time link opens, and measuring.
 */
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { nowNs } from "#core/host/clock.ts";
import { randomToken } from "#core/host/random.ts";
import type { ActionReply, LinkReply, SessionReply } from "#core/wire/control.ts";
import { parseBody } from "../control/parse-body.ts";
import type { Lab } from "../lab.ts";
import { addPageFiles } from "./page-files.ts";
import { PageHub } from "./page-hub.ts";
import { placesOf } from "./places.ts";
import type { PageSessions } from "./sessions.ts";
import { UsageMeter } from "./usage-meter.ts";

/** More would be a benchmark of this machine, which the command line can do better. */
const PAGE_RATE_MAX = 2_000;
const RUN_NAME_LENGTH = 8;

const session = z.strictObject({ key: z.string().min(1).max(80) });
const load = z.strictObject({ rate: z.int().min(1).max(PAGE_RATE_MAX).nullable() });
const empty = z.strictObject({});

export const PAGE_PATHS = [
  "GET /",
  "GET /api/v1/stream?after=ID",
  "POST /api/v1/links",
  "POST /api/v1/session",
  "POST /api/v1/test",
  "POST /api/v1/load",
];
export const SESSION_PATH = "/api/v1/session";

/** Returns the hub, which must be closed before the server. */
export function addPageRoutes(server: FastifyInstance, lab: Lab, sessions: PageSessions): PageHub {
  const meter = new UsageMeter({
    processes: () => processesOf(lab),
    gatewayAdminUrl: lab.gatewayAdminUrl,
    onUsage: (processes) => void lab.emit({ kind: "process.usage", processes }),
  });
  const hub = new PageHub({
    journal: lab.journal,
    status: () => lab.status(),
    places: placesOf(lab.places),
    canMeasure: () => lab.measurer !== undefined,
    run: newRunName(),
    onWatched: (isWatched) => (isWatched ? meter.start() : meter.stop()),
  });
  addPageFiles(server);
  addStream(server, hub, (cookies) => sessions.isKnown(cookies));
  addSessionRoutes(server, lab, sessions);
  addMeasuring(server, lab);
  return hub;
}

/** Names the run in the ids of its events: no hyphen, which parts it from the number. */
export function newRunName(): string {
  return randomToken().replaceAll("-", "_").slice(0, RUN_NAME_LENGTH);
}

/** `canAct`: whether a reader with these cookies may. */
export function addStream(
  server: FastifyInstance,
  hub: PageHub,
  canAct: (cookies: string | undefined) => boolean,
): void {
  server.get<{ Querystring: { after?: string } }>("/api/v1/stream", (request, reply) => {
    hub.refuseWhenFull();
    const header = request.headers["last-event-id"];
    const lastId = request.query.after ?? (typeof header === "string" ? header : undefined);
    reply.hijack();
    hub.add(reply.raw, { lastId, canAct: canAct(request.headers.cookie) });
  });
}

function addSessionRoutes(server: FastifyInstance, lab: Lab, sessions: PageSessions): void {
  server.post(SESSION_PATH, async ({ body }, reply): Promise<SessionReply> => {
    const { key } = parseBody(session, body);
    const { cookie, pageKey } = sessions.open(key);
    void reply.header("set-cookie", cookie).header("cache-control", "no-store");
    return { pageKey };
  });
  server.post("/api/v1/links", async ({ body }): Promise<LinkReply> => {
    parseBody(empty, body);
    return { url: lab.pageLink() };
  });
}

function addMeasuring(server: FastifyInstance, lab: Lab): void {
  server.post("/api/v1/test", async ({ body }): Promise<ActionReply> => {
    parseBody(empty, body);
    const atNs = nowNs();
    await lab.requireMeasurer().test();
    return { nodes: [], atNs };
  });
  server.post("/api/v1/load", async ({ body }): Promise<ActionReply> => {
    const { rate } = parseBody(load, body);
    const atNs = nowNs();
    if (rate === null) await lab.requireMeasurer().stopLoad();
    else await lab.requireMeasurer().startLoad(rate);
    return { nodes: [], atNs };
  });
}

function processesOf(lab: Lab): { process: string; pid: number | null }[] {
  const { pid, processes, sites } = lab.status();
  const nodes = sites.flatMap((site) => site.nodes.map(({ node, pid }) => ({ process: node, pid })));
  return [{ process: "lab", pid }, ...processes, ...nodes];
}
