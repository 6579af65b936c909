/** `anycastle load --engine … --plan …` as a person types it: exit status, table, refusals. */
import { afterAll, expect, test } from "vitest";
import type { EngineComparison } from "#core/wire/engine-result.ts";
import { answeringServer, httpServer } from "../load/servers.ts";
import { anycastle, scratch } from "./run-cli.ts";

const { dir, remove } = scratch();
afterAll(remove);

const SHORT = ["--duration", "500ms", "--rate", "40", "--lag-gate", "10s"];

test("one plan by two engines: one document, both held", { timeout: 60_000 }, async () => {
  await using server = await answeringServer();
  const { status, stdout } = await anycastle(
    dir,
    "load",
    "--url",
    server.url,
    "--engine",
    "builtin,autocannon",
    ...SHORT,
    "--json",
  );
  const { results, verdict, plan } = JSON.parse(stdout) as EngineComparison;
  expect(results.map(({ engine, loop, failed }) => [engine, loop, failed])).toEqual([
    ["builtin", "open", 0],
    ["autocannon", "closed", 0],
  ]);
  expect(plan).toMatchObject({ name: "golden", rate: 40, planned: 20 });
  expect([verdict, status]).toEqual(["held", 0]);
});

test("an objective that is missed ends with 99 and is named", { timeout: 60_000 }, async () => {
  await using server = await httpServer((_request, response) => {
    response.statusCode = 500;
    response.end();
  });
  const { status, stdout } = await anycastle(dir, "load", "--url", server.url, "--plan", "ramp", ...SHORT);
  expect(stdout).toMatch(/^MISSED {2}plan ramp: 12 GET/);
  expect(stdout).toMatch(/MISSED failed requests: at most 0\.050 %; 12 of 12/);
  expect(status).toBe(99);
});

test.each([
  [["--engine", "autocanon"], /Did you mean autocannon/],
  [["--plan", "rampp"], /Did you mean ramp/],
  [["--plan", "golden", "--log", "x"], /--log does not go with --engine or --plan/],
  [["--engine", "k6", "--warm-up", "1s"], /--warm-up does not go/],
  [["--plan", "failover"], /--url is not a lab of ours/],
])("%s is refused before anything is sent", async (words, expected) => {
  const { status, stderr } = await anycastle(dir, "load", "--url", "http://127.0.0.1:1", ...words);
  expect(stderr).toMatch(expected);
  expect(status).toBe(2);
});
