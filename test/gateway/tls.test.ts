/** TLS towards clients and towards nodes, with certificates made for the test. */
import { connect as connectPlainly } from "node:net";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request as httpsRequest, Agent } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type PeerCertificate } from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseGatewayConfig, type GatewayConfig } from "#gateway/config.ts";
import type { RunningGateway } from "#gateway/gateway.ts";
import { ask, until, withGateway, withStand, type Stand } from "./stand.ts";

const dir = mkdtempSync(join(tmpdir(), "anycastle-tls-"));
afterAll(() => rmSync(dir, { recursive: true }));
const file = (name: string): string => join(dir, name);

function openssl(words: string): void {
  execFileSync("openssl", words.split(" "), { cwd: dir, stdio: "pipe" });
}

function signed(name: string, hosts: readonly string[]): void {
  const names = hosts.map((host) => (/^[\d.]+$/.test(host) ? `IP:${host}` : `DNS:${host}`)).join(",");
  writeFileSync(file(`${name}.ext`), `subjectAltName=${names}\n`);
  openssl(`req -newkey rsa:2048 -nodes -keyout ${name}.key -out ${name}.csr -subj /CN=${name}`);
  const by = "-CA ca.pem -CAkey ca.key -CAcreateserial -days 2";
  openssl(`x509 -req -in ${name}.csr ${by} -out ${name}.pem -extfile ${name}.ext`);
}

beforeAll(() => {
  openssl("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=ca");
  signed("first", ["first.test", "127.0.0.1"]);
  signed("second", ["second.test"]);
  signed("third", ["first.test", "127.0.0.1"]);
  signed("node", ["localhost", "127.0.0.1"]);
  signed("client", ["gateway.test"]);
});

interface Seen {
  readonly status: number;
  readonly body: string;
  readonly subject: string;
  readonly protocol: string | null;
}

function get(port: number, options: { servername?: string; agent?: Agent } = {}): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const asked = httpsRequest(
      {
        host: "127.0.0.1",
        port,
        ca: readFileSync(file("ca.pem")),
        servername: options.servername ?? "first.test",
        agent: options.agent ?? new Agent({ maxCachedSessions: 0 }),
        headers: { host: "first.test" },
      },
      (response) => {
        const socket = response.socket as unknown as {
          getPeerCertificate(): PeerCertificate;
          alpnProtocol: string | null;
        };
        const subject = String(socket.getPeerCertificate().subject?.CN);
        const protocol = socket.alpnProtocol;
        let body = "";
        response.on("data", (chunk) => (body += String(chunk)));
        response.on("end", () => resolve({ status: response.statusCode!, body, subject, protocol }));
        response.on("error", reject);
      },
    );
    asked.on("error", reject);
    asked.end();
  });
}

const TLS = { certificates: [0, 1].map((index) => pair(["first", "second"][index]!)) };

function pair(name: string): { cert: string; key: string } {
  return { cert: file(`${name}.pem`), key: file(`${name}.key`) };
}

test("clients speak TLS: the certificate for the name they ask for, the first for any other, HTTP/1.1 only", async () => {
  await withStand({ document: { tls: TLS } }, async ({ gateway, nodes, port }) => {
    expect(gateway.url).toMatch(/^https:/);
    const answer = await get(port);
    expect(answer).toMatchObject({ status: 200, subject: "first" });
    expect((await get(port, { servername: "second.test" })).subject).toBe("second");
    const { rawHeaders } = nodes.flatMap(({ seen }) => seen)[0]!;
    expect(rawHeaders[rawHeaders.indexOf("x-forwarded-proto") + 1]).toBe("https");
    const protocols = await new Promise<string | false | null>((resolve, reject) => {
      const socket = connect(
        {
          host: "127.0.0.1",
          port,
          ca: readFileSync(file("ca.pem")),
          servername: "first.test",
          ALPNProtocols: ["http/1.1"],
        },
        () => {
          resolve(socket.alpnProtocol);
          socket.destroy();
        },
      );
      socket.on("error", reject);
    });
    expect(protocols).toBe("http/1.1");
  });
});

test("behind a PROXY header TLS begins as ever, and the client is who the header says", async () => {
  const document = { tls: TLS, proxyProtocol: true, trustedProxies: ["127.0.0.1"] };
  await withStand({ document }, async ({ nodes, port }) => {
    const raw = connectPlainly(port, "127.0.0.1");
    raw.write("PROXY TCP4 192.0.2.7 127.0.0.1 54321 8080\r\n");
    const socket = connect({ socket: raw, ca: readFileSync(file("ca.pem")), servername: "first.test" });
    socket.write("GET / HTTP/1.1\r\nhost: first.test\r\nconnection: close\r\n\r\n");
    let text = "";
    for await (const chunk of socket) text += String(chunk);
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
    const { rawHeaders } = nodes.flatMap(({ seen }) => seen)[0]!;
    expect(rawHeaders[rawHeaders.indexOf("x-forwarded-for") + 1]).toBe("192.0.2.7");
  });
});

test("plain HTTP and garbage on the port are closed, and nobody else is disturbed", async () => {
  await withStand({ document: { tls: TLS } }, async ({ port, status }) => {
    await expect(ask(port)).rejects.toMatchObject({
      code: expect.stringMatching(/ECONNRESET|HPE_/) as string,
    });
    expect((await get(port)).status).toBe(200);
    expect(status().requests).toMatchObject({ failed: 0, active: 0 });
  });
});

function configOf(stand: Stand, rest: object): GatewayConfig {
  const parsed = parseGatewayConfig({
    listen: "127.0.0.1:0",
    admin: "127.0.0.1:0",
    sites: [{ id: "ny1", nodes: stand.nodes.map(({ id, url }) => ({ id, url })) }],
    ...rest,
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues));
  return parsed.config;
}

test("a reload reads certificates again: new connections get the new, those that stand stay; a bad file changes nothing", async () => {
  for (const end of ["pem", "key"]) copyFileSync(file(`first.${end}`), file(`rotated.${end}`));
  const tls = { certificates: [pair("rotated")] };
  await withStand({ document: { tls } }, async (stand) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    expect((await get(stand.port, { agent })).subject).toBe("first");
    for (const end of ["pem", "key"]) copyFileSync(file(`third.${end}`), file(`rotated.${end}`));
    expect(stand.gateway.reload(configOf(stand, { tls })).isApplied).toBe(true);
    expect((await get(stand.port, { agent })).subject).toBe("first");
    expect((await get(stand.port)).subject).toBe("third");
    copyFileSync(file("second.key"), file("rotated.key"));
    expect(stand.gateway.reload(configOf(stand, { tls }))).toMatchObject({
      isApplied: false,
      reason: expect.stringContaining("rotated.pem and ") as string,
    });
    expect((await get(stand.port)).subject).toBe("third");
    expect(stand.gateway.reload(configOf(stand, {}))).toMatchObject({
      isApplied: false,
      reason: "tls cannot change while it runs: restart the gateway",
    });
    agent.destroy();
  });
});

/** A gateway before one node that speaks TLS. */
async function withTlsNode(
  nodeTls: object | undefined,
  work: (gateway: RunningGateway, port: number) => Promise<void>,
  isClientDemanded = false,
): Promise<void> {
  const node = createServer(
    {
      cert: readFileSync(file("node.pem")),
      key: readFileSync(file("node.key")),
      ...(isClientDemanded
        ? { requestCert: true, rejectUnauthorized: true, ca: readFileSync(file("ca.pem")) }
        : {}),
    },
    (_request, response) => response.end("secret\n"),
  );
  await new Promise<void>((resolve) => node.listen(0, "127.0.0.1", resolve));
  const url = `https://127.0.0.1:${(node.address() as AddressInfo).port}`;
  const document = {
    sites: [{ id: "a", nodes: [{ id: "a-1", url }] }],
    health: { profile: "demo" },
    ...(nodeTls === undefined ? {} : { nodeTls }),
  };
  try {
    await withGateway(document, work);
  } finally {
    node.close();
    node.closeAllConnections();
  }
}

test("nodes are verified: a certificate that nobody vouches for is no node", async () => {
  await withTlsNode(undefined, async (gateway, port) => {
    const answer = await ask(port);
    expect([answer.status, answer.headers["x-gateway-failure"]]).toEqual([502, "A; cause=refused"]);
    await until(() => gateway.status().nodes[0]!.lastCheck !== null);
    expect(gateway.status().nodes[0]!.lastCheck).toMatch(/UNABLE_TO_VERIFY|SELF_SIGNED/);
  });
});

test("with its CA a node is asked and checked; under a foreign name it is not", async () => {
  await withTlsNode({ ca: file("ca.pem") }, async (gateway, port) => {
    expect((await ask(port)).body.toString()).toBe("secret\n");
    await until(() => gateway.status().nodes[0]!.health === "healthy");
  });
  await withTlsNode({ ca: file("ca.pem"), serverName: "other.test" }, async (_gateway, port) => {
    expect((await ask(port)).status).toBe(502);
  });
  await withTlsNode({ isVerified: false }, async (_gateway, port) => {
    expect((await ask(port)).status).toBe(200);
  });
});

test("a node that demands a certificate of the gateway's gets it", async () => {
  const own = pair("client");
  await withTlsNode(
    { ca: file("ca.pem"), ...own },
    async (_gateway, port) => {
      expect((await ask(port)).status).toBe(200);
    },
    true,
  );
  await withTlsNode(
    { ca: file("ca.pem") },
    async (_gateway, port) => {
      expect((await ask(port)).status).toBe(502);
    },
    true,
  );
});

test.each([
  [
    { tls: { certificates: [{ cert: "/no/such.pem", key: "/no/such.key" }] } },
    /\/no\/such\.pem cannot be read/,
  ],
  [{ tls: { certificates: [{ cert: "first.pem", key: "second.key" }] } }, /first\.pem and .*second\.key: /],
])("%j does not start", async (document, message) => {
  const text = JSON.stringify(document)
    .replaceAll('"first.pem"', JSON.stringify(file("first.pem")))
    .replaceAll('"second.key"', JSON.stringify(file("second.key")));
  await expect(
    withStand({ document: JSON.parse(text) as Record<string, unknown> }, async () => undefined),
  ).rejects.toThrow(message);
});
