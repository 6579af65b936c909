/** The control API of a lab (`core/wire/control.ts`): what the command line, the page and drills call. */
import type { FastifyReply } from "fastify";
import { z } from "zod";
import { EXIT, UserError } from "#core/errors.ts";
import { createControlServer } from "#core/host/control-server.ts";
import type { EventBody, JournalEvent } from "#core/wire/events.ts";
import { FAULT_HOWS } from "#core/wire/faults.ts";
import type { Lab } from "../lab.ts";

/** A reader that lags this far behind is dropped. */
const BUFFERED_BYTES_MAX = 8 * 1024 * 1024;

const target = z.strictObject({ target: z.string().min(1).max(80) });
const failure = z.strictObject({ target: z.string().min(1).max(80), how: z.enum(FAULT_HOWS) });
const empty = z.strictObject({});
const eventBody = z.looseObject({
  kind: z.enum(["load.started", "load.window", "load.failed", "load.finished", "test.finished", "step"]),
});

const PATHS = [
  "GET /api/v1/status",
  "GET /api/v1/events?since=SEQ&follow=1",
  "POST /api/v1/fail",
  "POST /api/v1/revive",
  "POST /api/v1/drain",
  "POST /api/v1/reset",
  "POST /api/v1/events",
  "POST /api/v1/stop",
];

export interface RunningControl {
  readonly url: string;
  close(): Promise<void>;
}

export async function startControl(
  lab: Lab,
  options: { readonly host: string; readonly port: number; readonly token: string },
): Promise<RunningControl> {
  const server = createControlServer({ token: options.token, hostNames: [options.host] });
  server.get("/", async () => ({ paths: PATHS }));
  server.get("/api/v1/status", async () => lab.status());
  server.get<{ Querystring: { since?: string; follow?: string } }>("/api/v1/events", (request, reply) => {
    const since = Number(request.query.since ?? 0);
    if (!Number.isSafeInteger(since) || since < 0) {
      throw new UserError("SINCE_INVALID", "since is the number of the last event already known", {
        hint: "since=0",
      });
    }
    streamEvents(lab, reply, since, request.query.follow === "1");
  });
  server.post("/api/v1/fail", async ({ body }) => lab.fail(parse(failure, body)));
  server.post("/api/v1/revive", async ({ body }) => lab.revive(parse(target, body)));
  server.post("/api/v1/drain", async ({ body }) => lab.drain(parse(target, body)));
  server.post("/api/v1/reset", async ({ body }) => {
    parse(empty, body);
    return lab.reset();
  });
  server.post("/api/v1/events", async ({ body }) => {
    lab.emit(parse(eventBody, body) as unknown as EventBody);
    return { nodes: [], atNs: 0 };
  });
  server.post("/api/v1/stop", async ({ body }, reply) => {
    parse(empty, body);
    await reply.send({ nodes: [], atNs: 0 });
    setImmediate(() => process.kill(process.pid, "SIGTERM"));
  });
  await server.listen({ host: options.host, port: options.port });
  return {
    url: `http://${options.host}:${options.port}`,
    close: async () => {
      await server.close();
    },
  };
}

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const text = parsed.error.issues
    .map((issue) => `${issue.path.join(".") || "body"}: ${issue.message}`)
    .join("; ");
  throw new UserError("BODY_INVALID", text, { exitCode: EXIT.usage });
}

/** NDJSON: what is known after `since`, then, if asked, what comes. */
function streamEvents(lab: Lab, reply: FastifyReply, since: number, isFollowing: boolean): void {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, { "content-type": "application/x-ndjson", "cache-control": "no-store" });
  const write = (event: JournalEvent): void => {
    if (raw.writableLength > BUFFERED_BYTES_MAX) raw.destroy();
    else raw.write(`${JSON.stringify(event)}\n`);
  };
  for (const event of lab.journal.since(since)) raw.write(`${JSON.stringify(event)}\n`);
  if (!isFollowing) return void raw.end();
  const stop = lab.journal.subscribe(write);
  raw.on("close", stop);
  raw.on("error", () => undefined);
}
