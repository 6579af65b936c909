/** `load` and `test` as commands, before a server that no lab started. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { LoadResult } from "#core/wire/measure.ts";
import { anycastle, scratch } from "./run-cli.ts";

const { dir, remove } = scratch();
let server: Server;
let url: string;

beforeAll(async () => {
  server = createServer((_request, response) => response.end("ok\n"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => {
  server.close();
  server.closeAllConnections();
  remove();
});

const SHORT = ["--rate", "50", "--duration", "300ms", "--vantages", "new-york"];

test.for([
  { name: "2 ms", flags: [], gateMs: 2 },
  { name: "what --lag-gate says", flags: ["--lag-gate", "10s"], gateMs: 10_000 },
])("the gate of a run by hand is $name", async ({ flags, gateMs }) => {
  const run = await anycastle(dir, "load", "--url", url, ...SHORT, ...flags, "--json");
  expect(run.stderr).toContain(`void above ${gateMs} ms send lag`);
  const result = JSON.parse(run.stdout) as LoadResult;
  expect([result.sent, result.ok]).toEqual([15, 15]);
  // Whether this machine keeps it is not the question, but that it is judged by this gate.
  const isLate = result.sendLag.p999! > gateMs;
  expect(result.isVoid).toBe(isLate);
  expect(run.status).toBe(isLate ? 1 : 0);
  if (isLate) expect(result.voidReasons.join()).toContain(`above the gate of ${gateMs} ms`);
});

test("a gate that is no time is refused", async () => {
  const { status, stderr } = await anycastle(dir, "load", "--url", url, "--lag-gate", "never");
  expect(status).toBe(2);
  expect(stderr).toContain("option '--lag-gate <time>' argument 'never' is invalid");
});

test.for([
  { vantages: "new-york", rounds: "1", said: "1 city, 1 cold request each, to " },
  { vantages: "new-york,london", rounds: "2", said: "2 cities, 2 cold requests each, to " },
])("a test says $said", async ({ vantages, rounds, said }) => {
  const run = await anycastle(dir, "test", "--url", url, "--vantages", vantages, "--rounds", rounds);
  expect(run.status).toBe(0);
  expect(run.stderr).toContain(`${said}${url}`);
});
