import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { NodeServing } from "#core/wire/events.ts";
import { Executions } from "#edge-nodes/executions.ts";
import { Misbehaving } from "#edge-nodes/misbehaviour/misbehaving.ts";
import { handleRequest, type OriginState } from "#edge-nodes/origin.ts";

const state: OriginState = {
  node: "la1-2",
  site: "la1",
  thinkTimeMs: 0,
  executions: new Executions(),
  misbehaving: new Misbehaving(),
  serving: "starting",
  bgp: "none",
  open: 0,
  requests: 0,
  lastActiveMs: 0,
  startedMs: 0,
};
const server = createServer((request, response) => handleRequest(state, request, response));
let url = "";

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

/** Statuses of /health, /health/live, /health/ready, /ready and a page. */
const STATUSES: Readonly<Record<NodeServing, readonly number[]>> = {
  starting: [503, 200, 200, 200, 200],
  ready: [200, 200, 200, 200, 200],
  unready: [503, 200, 503, 503, 200],
  draining: [503, 200, 503, 503, 200],
};

test.each(Object.entries(STATUSES))("health of a node that is %s", async (serving, expected) => {
  state.serving = serving as NodeServing;
  const seen: number[] = [];
  for (const path of ["/health", "/health/live", "/health/ready", "/ready", "/page"]) {
    const answer = await fetch(url + path);
    await answer.arrayBuffer();
    seen.push(answer.status);
    expect(answer.headers.get("x-edge-route")).toBe("la1");
    expect(answer.headers.get("x-node-state")).toBe(serving === "draining" ? "draining" : null);
    expect(answer.headers.get("connection")).toBe(serving === "draining" ? "close" : "keep-alive");
  }
  expect(seen).toEqual(expected);
});

test.each([
  ["up", "healthy", "healthy"],
  ["down", "degraded", "degraded"],
] as const)("a session that is %s makes a ready node %s", async (bgp, status, component) => {
  Object.assign(state, { serving: "ready", bgp });
  const answer = await fetch(`${url}/health`);
  expect(answer.status).toBe(200);
  expect(await answer.json()).toMatchObject({
    status,
    components: [{ name: "http" }, { name: "bgp", status: component, message: `session ${bgp}` }],
  });
});

test("health is no traffic: only other requests are counted", async () => {
  const before = state.requests;
  await fetch(`${url}/health`);
  await fetch(`${url}/ready`);
  expect(state.requests).toBe(before);
  await fetch(`${url}/page`);
  expect(state.requests).toBe(before + 1);
});
