/** What is drilled: the gateway, whose events are listened to, and others beside it. */
import { fileURLToPath } from "node:url";
import { NdjsonReader } from "#core/host/ndjson.ts";
import type { EventBody } from "#core/wire/events.ts";
import { BenchProcess, freePort } from "../processes.ts";
import { startProxy } from "../proxies.ts";
import type { DrillNode } from "./drill-nodes.ts";

export const SUBJECTS = ["gateway", "nginx", "haproxy", "haproxy tuned", "http-proxy"] as const;
export type SubjectName = (typeof SUBJECTS)[number];

const CAST = fileURLToPath(new URL("../../bin/cast.js", import.meta.url));
const EVENT_BYTES_MAX = 1024 * 1024;

export type Heard = EventBody & { readonly atNs: number };

export interface Subject {
  readonly name: SubjectName;
  readonly version: string;
  readonly port: number;
  readonly process: BenchProcess;
}

/** A sentence instead when it is not installed. `onEvent`: of the gateway. */
export async function startSubject(
  name: SubjectName,
  setting: {
    readonly directory: string;
    readonly nodes: readonly DrillNode[];
    readonly accessLog: string;
    readonly onEvent: (event: Heard) => void;
  },
): Promise<Subject | string> {
  const { directory, nodes } = setting;
  if (name === "gateway") return startGateway(setting);
  const proxy = await startProxy(name === "haproxy tuned" ? "haproxy" : name, {
    directory,
    nodePorts: nodes.map(({ port }) => port),
    isTuned: name === "haproxy tuned",
  });
  return typeof proxy === "string" ? proxy : { ...proxy, name };
}

async function startGateway({
  nodes,
  accessLog,
  onEvent,
}: {
  readonly nodes: readonly DrillNode[];
  readonly accessLog: string;
  readonly onEvent: (event: Heard) => void;
}): Promise<Subject> {
  const port = await freePort();
  const document = {
    listen: `127.0.0.1:${port}`,
    admin: "off",
    sites: [
      {
        id: "drill",
        nodes: nodes.map(({ name, port: at }) => ({ id: name, url: `http://127.0.0.1:${at}` })),
      },
    ],
    // Nodes are back soon, so that kills can follow each other; who is found dead by traffic is out at once anyway.
    health: { kind: "tcp", unhealthyIntervalMs: 250 },
    retry: { perTryTimeoutMs: 2_000, totalTimeoutMs: 4_000 },
    accessLog: { file: accessLog, sampleSuccess: 0.02 },
  };
  const reader = new NdjsonReader(
    (value) => onEvent(value as Heard),
    () => undefined,
    EVENT_BYTES_MAX,
  );
  const child = new BenchProcess("gateway", [process.execPath, CAST, "gateway"], {
    input: `${JSON.stringify({ process: "gateway", adminToken: "drill", document })}\n`,
    onOutput: (chunk) => reader.push(chunk),
  });
  await child.untilListening(port);
  return { name: "gateway", version: "this tree", port, process: child };
}
