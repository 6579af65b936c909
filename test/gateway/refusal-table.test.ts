/** Whatever is turned away has its status, its field and its count, as the table in docs/gateway.md has them. */
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { TURNED_AWAY } from "#gateway/telemetry/telemetry.ts";
import { hang, speak, until, withStand, type Stand } from "./stand.ts";

interface Row {
  /** Of the answer's first line; undefined: none comes. */
  readonly status: string | undefined;
  readonly failure: string | undefined;
  readonly reason: string;
}

/** The rows as people read them. `the same` stands for the status above. */
function rowsOfTable(): Row[] {
  const page = readFileSync(join(import.meta.dirname, "../../docs/gateway.md"), "utf8");
  const lines = page.slice(page.indexOf("## What is turned away")).split("\n");
  const from = lines.findIndex((line) => line.startsWith("| limit | above it |")) + 2;
  const rows = lines
    .slice(from, lines.indexOf("", from))
    .map((line) => line.split("|").map((cell) => cell.trim()));
  let status: string | undefined;
  return rows.map(([, , above = "", failure = "", reason = ""]) => {
    if (above !== "the same") status = /^\d{3}/.exec(above)?.[0];
    return { status, failure: failure === "–" ? undefined : unquoted(failure), reason: unquoted(reason) };
  });
}

function unquoted(cell: string): string {
  return cell.replaceAll("`", "");
}

async function refused({ gateway }: Stand): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
  return new Map(
    [...text.matchAll(/^anycastle_admission_refused_total\{reason="([^"]+)"\} (\d+)$/gm)].map(
      ([, reason, count]) => [reason!, Number(count)],
    ),
  );
}

/** All that comes on a connection to its end. */
function get(port: number, path = "/", fields = ""): Promise<string> {
  return speak(port, `GET ${path} HTTP/1.1\r\nhost: a\r\n${fields}connection: close\r\n\r\n`);
}

/** Under way for as long as the stand is: nobody answers. */
async function occupy(stand: Stand, path = "/"): Promise<Socket> {
  const { active } = stand.status().requests;
  for (const node of stand.nodes) node.handler = hang;
  const socket = connect(stand.port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.write(`GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`);
  const { waiting = 0 } = stand.status().admission ?? {};
  await until(
    () => stand.status().requests.active > active || (stand.status().admission?.waiting ?? 0) > waiting,
  );
  return socket;
}

interface Scene {
  readonly document: Record<string, unknown>;
  /** What the one gets who is turned away. */
  readonly play: (stand: Stand) => Promise<string>;
}

const ONE_BY_ONE = { activeMax: 1, waitingMax: 1, waitTimeoutMs: 60_000 };
const SELDOM = { requestsPerSecond: 0.1, burst: 1 };
const UPGRADE =
  "upgrade: websocket\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n";

const second = async ({ port }: Stand): Promise<string> => {
  await get(port);
  return get(port);
};

/** By failure, or by reason where there is none. */
const SCENES: Readonly<Record<string, Scene>> = {
  "rate-limited; limit=rate": { document: { admission: { rateLimit: SELDOM } }, play: second },
  "rate-limited; limit=client-rate": {
    document: { admission: { rateLimitPerClient: SELDOM } },
    play: second,
  },
  "rate-limited; limit=path-rate": {
    document: { paths: [{ id: "a", match: ["/"], rateLimit: SELDOM }] },
    play: second,
  },
  "overloaded; cause=full": {
    document: { admission: { activeMax: 1 } },
    play: async (stand) => {
      await occupy(stand);
      return get(stand.port);
    },
  },
  "overloaded; cause=waited": {
    document: { admission: { ...ONE_BY_ONE, waitTimeoutMs: 50 } },
    play: async (stand) => {
      await occupy(stand);
      return get(stand.port);
    },
  },
  "overloaded; cause=late": {
    document: { admission: ONE_BY_ONE, retry: { deadlineHeader: "x-patience-ms" } },
    play: async (stand) => {
      // What an answer takes is known from one that was slow.
      stand.nodes[0]!.handler = (_request, response) =>
        void setTimeout(() => stand.nodes[0]!.answer(response), 60);
      await get(stand.port);
      await occupy(stand);
      return get(stand.port, "/", "x-patience-ms: 20\r\n");
    },
  },
  "overloaded; cause=displaced": {
    document: { admission: ONE_BY_ONE, paths: [{ id: "pay", match: ["/pay"], tier: "P0" }] },
    play: async (stand) => {
      await occupy(stand);
      const last = get(stand.port);
      await until(() => stand.status().admission!.waiting === 1);
      const better = connect(stand.port, "127.0.0.1");
      better.write("GET /pay HTTP/1.1\r\nhost: a\r\n\r\n");
      const text = await last;
      better.destroy();
      return text;
    },
  },
  overloaded: {
    document: { webSocket: { isEnabled: true, tunnelsMax: 1 } },
    play: async (stand) => {
      stand.nodes[0]!.handler = hang;
      const socket = connect(stand.port, "127.0.0.1");
      socket.write(`GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\n${UPGRADE}\r\n`);
      await until(() => stand.nodes[0]!.seen.length === 1);
      const text = await speak(
        stand.port,
        `GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\n${UPGRADE}\r\n`,
      );
      socket.destroy();
      return text;
    },
  },
  "body-too-large": {
    document: { admission: { bodyBytesMax: 10 } },
    play: ({ port }) => speak(port, "PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 11\r\n\r\n"),
  },
  connections: {
    document: { admission: { connectionsMax: 1 } },
    play: async (stand) => {
      await occupy(stand);
      return get(stand.port);
    },
  },
  "proxy-header": {
    document: { proxyProtocol: true, trustedProxies: ["127.0.0.1"] },
    play: ({ port }) => get(port),
  },
  "head-too-large": {
    document: { limits: { headerBytesMax: 1_024 } },
    play: ({ port }) => get(port, "/", `x: ${"a".repeat(2_000)}\r\n`),
  },
  "slow-head": {
    document: { limits: { headTimeoutMs: 100 } },
    play: ({ port }) => speak(port, "GET / HTTP/1.1\r\nhost: a\r\n"),
  },
  "slow-body": {
    document: { limits: { rateGraceMs: 1_000 } },
    play: ({ port }) => speak(port, "PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\na"),
  },
  "slow-reader": {
    document: { limits: { rateGraceMs: 1_000, readRateMin: 1_000 } },
    play: async (stand) => {
      stand.nodes[0]!.handler = (_request, response) => response.end(Buffer.alloc(32 * 1024 * 1024));
      const socket = connect(stand.port, "127.0.0.1");
      socket.on("error", () => undefined);
      socket.pause();
      socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
      await until(async () => ((await refused(stand)).get("slow-reader") ?? 0) > 0);
      socket.destroy();
      return "";
    },
  },
};

const ROWS = rowsOfTable();

test("the table has every reason, and nothing else", () => {
  expect(new Set(ROWS.map(({ reason }) => reason))).toEqual(new Set(TURNED_AWAY));
  expect(ROWS.map(({ failure, reason }) => failure ?? reason)).toEqual(Object.keys(SCENES));
});

test.each(ROWS.map((row) => [row.failure ?? row.reason, row] as const))("%s", async (name, row) => {
  const { document, play } = SCENES[name]!;
  await withStand(
    { sites: { ny1: 1 }, document: { hedge: { isEnabled: false }, ...document } },
    async (stand) => {
      const text = await play(stand);
      expect(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1]).toBe(row.status);
      expect(/^x-gateway-failure: (.*)\r$/im.exec(text)?.[1]).toBe(row.failure);
      expect(/^retry-after: [1-9]/im.test(text)).toBe(row.status === "429" || row.status === "503");
      const counted = [...(await refused(stand))].filter(([, count]) => count > 0);
      expect(counted).toEqual([[row.reason, 1]]);
    },
  );
});
