/** Connections that begin with a PROXY header: whose they are, and what becomes of those that do not. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseGatewayConfig } from "#gateway/config.ts";
import { ask, holdBack, speak, until, withStand, type Stand } from "./stand.ts";
import { freePort } from "../free-port.ts";

const TRUSTING = { sites: { ny1: 1 }, document: { proxyProtocol: true, trustedProxies: ["127.0.0.1"] } };
const HEADER = "PROXY TCP4 192.0.2.7 127.0.0.1 54321 8080\r\n";
const REQUEST = "GET /x HTTP/1.1\r\nhost: a\r\n";
const CLOSE = "connection: close\r\n\r\n";

function forwardedFor({ nodes }: Stand): (string | undefined)[] {
  return nodes[0]!.seen.map(({ rawHeaders }) => rawHeaders[rawHeaders.indexOf("x-forwarded-for") + 1]);
}

async function turnedAway({ gateway }: Stand): Promise<string | undefined> {
  const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
  return /anycastle_admission_refused_total\{reason="proxy-header"\} (\d+)/.exec(text)?.[1];
}

test("the client is who the header says, for every request of the connection; what it says itself counts for nothing", async () => {
  await withStand(TRUSTING, async (stand) => {
    const twice = `${REQUEST}x-forwarded-for: 203.0.113.1\r\n\r\n${REQUEST}${CLOSE}`;
    const text = await speak(stand.port, `${HEADER}${twice}`);
    expect(text.match(/HTTP\/1\.1 200 /g)?.length).toBe(2);
    expect(forwardedFor(stand)).toEqual(["192.0.2.7", "192.0.2.7"]);
  });
});

test("header and request may come in any pieces; a proxy that speaks for itself is itself", async () => {
  await withStand(TRUSTING, async (stand) => {
    expect(await dribble(stand.port, `${HEADER}${REQUEST}${CLOSE}`)).toMatch(/^HTTP\/1\.1 200 /);
    const local = Buffer.concat([
      Buffer.from("0d0a0d0a000d0a515549540a20000000", "hex"),
      Buffer.from(`${REQUEST}${CLOSE}`),
    ]);
    expect(await speak(stand.port, local)).toMatch(/^HTTP\/1\.1 200 /);
    expect(forwardedFor(stand)).toEqual(["192.0.2.7", "127.0.0.1"]);
  });
});

test("without a header, with a wrong one, late, or from a stranger: closed, and nothing goes on", async () => {
  const document = { ...TRUSTING.document, limits: { headTimeoutMs: 100 } };
  await withStand({ ...TRUSTING, document }, async (stand) => {
    expect(await speak(stand.port, `${REQUEST}${CLOSE}`)).toBe("");
    expect(await speak(stand.port, `PROXY TCP4 nobody\r\n${REQUEST}${CLOSE}`)).toBe("");
    expect(await speak(stand.port, "PROXY TCP4 192.0.2.7 ")).toBe("");
    expect([stand.nodes[0]!.seen.length, await turnedAway(stand)]).toEqual([0, "3"]);
    expect(await speak(stand.port, `${HEADER}${REQUEST}${CLOSE}`)).toMatch(/^HTTP\/1\.1 200 /);
  });
  const strangers = { ...TRUSTING.document, trustedProxies: ["192.0.2.1"] };
  await withStand({ ...TRUSTING, document: strangers }, async (stand) => {
    expect(await speak(stand.port, `${HEADER}${REQUEST}${CLOSE}`)).toBe("");
    expect(await turnedAway(stand)).toBe("1");
  });
});

test("heads that never end are cut off behind a header too, and a stop waits for what is open", async () => {
  const document = { ...TRUSTING.document, limits: { headTimeoutMs: 200 } };
  await withStand({ ...TRUSTING, document }, async (stand) => {
    expect(await speak(stand.port, `${HEADER}${REQUEST}`)).toMatch(/^HTTP\/1\.1 408 /);
    const [node] = stand.nodes;
    const finish = holdBack(node!);
    const open = speak(stand.port, `${HEADER}${REQUEST}\r\n`);
    await until(() => node!.seen.length === 1);
    const stopped = stand.gateway.drain();
    finish();
    await stopped;
    expect(await open).toMatch(/^HTTP\/1\.1 200 [^]*connection: close/i);
  });
});

test("somebody has to be trusted", () => {
  const parsed = parseGatewayConfig({
    sites: [{ id: "a", nodes: [{ id: "a-1", url: "http://127.0.0.1:1" }] }],
    proxyProtocol: true,
  });
  expect(parsed.ok ? [] : parsed.issues).toEqual([
    {
      path: "proxyProtocol",
      message: "nobody may say so: name the proxies that stand in front in `trustedProxies`",
    },
  ]);
});

const HAPROXY = "/usr/sbin/haproxy";

test("HAProxy's send-proxy and send-proxy-v2", async (context) => {
  if (!existsSync(HAPROXY)) return context.skip("no haproxy here");
  const dir = mkdtempSync(join(tmpdir(), "anycastle-proxy-"));
  await withStand(TRUSTING, async (stand) => {
    for (const word of ["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c"]) {
      const port = await freePort();
      const file = join(dir, "haproxy.cfg");
      writeFileSync(
        file,
        `defaults
  mode tcp
  timeout connect 1s
  timeout client 5s
  timeout server 5s
listen front
  bind 127.0.0.1:${port}
  server gateway 127.0.0.1:${stand.port} ${word}
`,
      );
      const child = spawn(HAPROXY, ["-f", file, "-db"], { stdio: "ignore" });
      const ended = new Promise((resolve) => child.once("exit", resolve));
      try {
        await until(async () => (await ask(port).catch(() => undefined))?.status === 200);
      } finally {
        child.kill("SIGKILL");
        await ended;
      }
    }
    expect(new Set(forwardedFor(stand))).toEqual(new Set(["127.0.0.1"]));
    expect(await turnedAway(stand)).toBe("0");
  });
  rmSync(dir, { recursive: true });
});

/** Byte by byte, each in a packet of its own. */
async function dribble(port: number, text: string): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  let answer = "";
  socket.on("data", (chunk: Buffer) => (answer += chunk.toString("latin1")));
  const closed = new Promise((resolve) => socket.once("close", resolve));
  for (const byte of text) await new Promise<void>((resolve) => socket.write(byte, () => resolve()));
  await closed;
  return answer;
}
