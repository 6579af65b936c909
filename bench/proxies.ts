/**
 * The proxies that are compared and the two nodes behind them. Each gets one core, keep-alive on both sides, least
 * connections where it has it, checks and retries as its users would switch them on. The gateway is the real process
 * with production settings: every policy on, no wide-area network imitated.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BenchProcess, freePort, programPath } from "./processes.ts";

export const BODY_BYTES = 120;
/** Proxies use the first core, load and nodes the second. */
export const PROXY_CORE = 0;
export const LOAD_CORE = 1;

export const PROXY_NAMES = ["gateway", "nginx", "haproxy", "http-proxy", "fast-proxy", "reply-from"] as const;
const PACKAGES = {
  "http-proxy": "http-proxy-1",
  "fast-proxy": "fast-proxy",
  "reply-from": "@fastify/reply-from",
} as const;
export type ProxyName = (typeof PROXY_NAMES)[number];

export interface RunningProxy {
  readonly name: ProxyName;
  readonly version: string;
  readonly port: number;
  readonly process: BenchProcess;
}

interface Bench {
  /** Scratch directory for configurations. */
  readonly directory: string;
  readonly nodePorts: readonly number[];
  /** HAProxy as somebody tunes it who wants dead nodes out of the way: by real traffic, at the first error. */
  readonly isTuned?: boolean;
}

export async function startNodes(
  directory: string,
): Promise<{ process: BenchProcess; ports: readonly [number, number]; kind: string }> {
  const ports = [await freePort(), await freePort()] as const;
  const nginx = programPath("nginx");
  const command =
    nginx === undefined
      ? [process.execPath, script("./backend-server.ts"), ...ports.map(String), String(BODY_BYTES)]
      : [nginx, "-p", directory, "-c", write(directory, "nodes.conf", nodesConfig(directory, ports))];
  const child = new BenchProcess("nodes", command, { core: LOAD_CORE });
  for (const port of ports) await child.untilListening(port);
  return { process: child, ports, kind: nginx === undefined ? "two node:http servers" : "nginx, two ports" };
}

/** A sentence instead when the proxy is not installed. */
export async function startProxy(name: ProxyName, bench: Bench): Promise<RunningProxy | string> {
  const port = await freePort();
  switch (name) {
    case "gateway":
      return started(name, "this tree", port, [process.execPath, script("../bin/cast.js"), "gateway"], {
        process: "gateway",
        adminToken: "bench",
        document: gatewayDocument(port, bench),
      });
    case "http-proxy":
    case "fast-proxy":
    case "reply-from": {
      const ports = [port, ...bench.nodePorts].map(String);
      return started(name, libraryVersion(name), port, [
        process.execPath,
        script(`./${name}-server.ts`),
        ...ports,
      ]);
    }
    case "nginx": {
      const program = programPath("nginx");
      if (program === undefined) return "skipped: no nginx (apt-get install nginx)";
      const file = write(bench.directory, "nginx.conf", nginxConfig(port, bench));
      const version = await versionOf([program, "-v"]);
      return started(name, version, port, [program, "-p", bench.directory, "-c", file]);
    }
    case "haproxy": {
      const program = programPath("haproxy");
      if (program === undefined) return "skipped: no haproxy (apt-get install haproxy)";
      const file = write(bench.directory, "haproxy.cfg", haproxyConfig(port, bench));
      return started(name, await versionOf([program, "-v"]), port, [program, "-db", "-f", file]);
    }
  }
}

/** As it is installed. */
function libraryVersion(name: keyof typeof PACKAGES): string {
  const file = script(`../node_modules/${PACKAGES[name]}/package.json`);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

async function started(
  name: ProxyName,
  version: string,
  port: number,
  command: readonly string[],
  config?: unknown,
): Promise<RunningProxy> {
  const input = config === undefined ? {} : { input: `${JSON.stringify(config)}\n` };
  const child = new BenchProcess(name, command, { core: PROXY_CORE, ...input });
  await child.untilListening(port);
  return { name, version, port, process: child };
}

function gatewayDocument(port: number, { nodePorts }: Bench): unknown {
  return {
    listen: `127.0.0.1:${port}`,
    admin: "off",
    sites: [
      {
        id: "bench",
        nodes: nodePorts.map((nodePort, index) => ({
          id: `bench-${index + 1}`,
          url: `http://127.0.0.1:${nodePort}`,
        })),
      },
    ],
    health: { profile: "seed-001", path: "/" },
  };
}

function nodesConfig(directory: string, ports: readonly number[]): string {
  const servers = ports.map(
    (port) =>
      `server { listen 127.0.0.1:${port} backlog=1024; location / { default_type text/plain; return 200 "${"x".repeat(BODY_BYTES)}"; } }`,
  );
  return nginxFrame(directory, "nodes", servers.join("\n"));
}

function nginxConfig(port: number, { directory, nodePorts }: Bench): string {
  return nginxFrame(
    directory,
    "proxy",
    `upstream nodes {
       least_conn;
       ${nodePorts.map((nodePort) => `server 127.0.0.1:${nodePort};`).join(" ")}
       keepalive 64; keepalive_requests 1000000000;
     }
     server {
       listen 127.0.0.1:${port} backlog=1024;
       location / { proxy_pass http://nodes; proxy_http_version 1.1; proxy_set_header Connection ""; }
     }`,
  );
}

function nginxFrame(directory: string, name: string, body: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${join(directory, `${name}-${kind}`)};`,
  );
  return `daemon off; worker_processes 1; pid ${join(directory, `${name}.pid`)}; error_log stderr error;
    events { worker_connections 4096; }
    http { access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; ${temporary.join(" ")}
    ${body} }\n`;
}

function haproxyConfig(port: number, { nodePorts, isTuned = false }: Bench): string {
  const more = isTuned
    ? " fastinter 250ms downinter 250ms rise 2 observe layer7 error-limit 3 on-error mark-down"
    : "";
  const servers = nodePorts.map(
    (nodePort, index) => `  server node${index} 127.0.0.1:${nodePort} check inter 5s fall 3${more}`,
  );
  return [
    "global",
    "  nbthread 1",
    "  maxconn 4096",
    "defaults",
    "  mode http",
    "  timeout connect 2s",
    "  timeout client 60s",
    `  timeout server ${isTuned ? "1s" : "15s"}`,
    "  option redispatch",
    "  retries 3",
    "  retry-on all-retryable-errors",
    "frontend clients",
    `  bind 127.0.0.1:${port}`,
    "  default_backend nodes",
    "backend nodes",
    "  balance leastconn",
    "  http-reuse safe",
    ...servers,
    "",
  ].join("\n");
}

function write(directory: string, name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

function script(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}

async function versionOf(command: readonly string[]): Promise<string> {
  const output = await new BenchProcess("version", command).output();
  return /\d+\.\d+(\.\d+)?/.exec(output)?.[0] ?? "unknown";
}
