/** Ports: free ones, busy ones, and who holds them. */
import { readFileSync } from "node:fs";
import { createServer, type AddressInfo, type Server } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { httpUrl, urlHost } from "#lab/http-url.ts";
import { choosePort, freePorts, movedNote } from "#lab/ports.ts";

const HOST = "127.0.0.1";
const isLinux = process.platform === "linux";

let holder: Server;
let busy: number;
beforeEach(async () => {
  holder = createServer();
  const [port] = await freePorts(HOST, 1);
  await new Promise<void>((resolve) => holder.listen(port, HOST, resolve));
  busy = (holder.address() as AddressInfo).port;
});
afterEach(async () => {
  await new Promise((resolve) => holder.close(resolve));
});

test("free ports are distinct and outside the range of outgoing connections", async () => {
  const ports = await freePorts(HOST, 40);
  expect(new Set(ports).size).toBe(40);
  const first = isLinux
    ? Number.parseInt(readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8"), 10)
    : 65_536;
  if (first > 20_000) expect(ports.every((port) => port < first)).toBe(true);
});

test("a free port is taken as it is", async () => {
  const [port] = await freePorts(HOST, 1);
  expect(await choosePort(HOST, { port: port!, isStrict: true }, "the gateway")).toBe(port);
  expect(movedNote(HOST, { port: port!, isStrict: false }, "the gateway", port!)).toBeUndefined();
});

test("a busy default moves to a later port, and says why", async () => {
  const wanted = { port: busy, isStrict: false };
  const chosen = await choosePort(HOST, wanted, "the gateway", [busy + 1]);
  expect(chosen).toBeGreaterThan(busy + 1);
  const note = movedNote(HOST, wanted, "the gateway", chosen)!;
  expect(note).toContain(`port ${busy} on 127.0.0.1, for the gateway, is taken`);
  expect(note).toContain(`it is ${chosen} instead`);
});

test("a busy port that was asked for is refused, with its holder", async () => {
  const choosing = choosePort(HOST, { port: busy, isStrict: true }, "the gateway");
  await expect(choosing).rejects.toMatchObject({
    code: "PORT_BUSY",
    exitCode: 1,
    message: expect.stringContaining(isLinux ? `is taken by pid ${process.pid} (` : "is taken") as string,
  });
});

test("an address that is not this host's is named", async () => {
  const choosing = choosePort("203.0.113.77", { port: 8080, isStrict: false }, "the gateway");
  await expect(choosing).rejects.toMatchObject({ code: "ADDRESS_UNKNOWN" });
});

test.for([
  ["127.0.0.1", "http://127.0.0.1:80"],
  ["0.0.0.0", "http://127.0.0.1:80"],
  ["::", "http://[::1]:80"],
  ["::1", "http://[::1]:80"],
  ["example.test", "http://example.test:80"],
] as const)("who listens on %s is reached at %s", ([host, url]) => {
  expect(httpUrl(host, 80)).toBe(url);
  expect(urlHost(host)).toBe(host.includes(":") ? `[${host}]` : host);
});
