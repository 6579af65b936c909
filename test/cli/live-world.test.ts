/** Worlds that no cast can run are refused in a sentence, before a process is started. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { anycastle, scratch } from "./run-cli.ts";

const { dir, remove } = scratch();
afterAll(remove);

const GRAPH = 'graph: { links: ["10|11|-1", "10|30|-1", "20|40|-1"] }';
const HERE = "vantages: [{ id: here, as: 30, rttMs: { ny1: 4 } }]";

test.for([
  ["no vantages", `${GRAPH}\nsites: [{ id: ny1, as: 11 }]`, "has no vantages"],
  [
    "a site that no node can stand at",
    `${GRAPH}\nsites: [{ id: ny2, as: 11 }]\n${HERE.replace("ny1", "ny2")}`,
    'no node can stand at site "ny2"',
  ],
  [
    "a vantage without a route",
    `${GRAPH}\nsites: [{ id: ny1, as: 11 }]\nvantages: [{ id: there, as: 40, rttMs: { ny1: 4 } }]`,
    "vantage there (AS 40) has a route to no site",
  ],
  [
    "a distance nobody knows",
    `${GRAPH}\nsites: [{ id: ny1, as: 11 }]\nvantages: [{ id: here, as: 30 }]`,
    "how far vantage here is from site ny1",
  ],
  [
    "a vantage's AS that is not there",
    `${GRAPH}\nsites: [{ id: ny1, as: 11 }]\nvantages: [{ id: here, as: 99 }]`,
    "the graph has no AS 99",
  ],
  [
    "BLACKHOLE",
    `${GRAPH}\nsites: [{ id: ny1, as: 11, communities: [blackhole] }]\n${HERE}`,
    "announces BLACKHOLE",
  ],
  [
    "DNS",
    `${GRAPH}\nsites: [{ id: ny1, as: 11 }]\n${HERE}\nsteering: { dns: { ttlS: 60 } }`,
    "finds its sites by DNS",
  ],
  [
    "a graph that is not there",
    `graph: { file: nowhere.txt }\nsites: [{ id: ny1, as: 11 }]\n${HERE}`,
    "nowhere.txt",
  ],
  ["garbage", "\u0000\u0001 [", "world.yaml"],
] as const)("%s", async ([, text, sentence]) => {
  writeFileSync(join(dir, "world.yaml"), text);
  for (const command of [
    ["demo", "--port", "0", "--control-port", "0"],
    ["sim", "serve", "--listen", "127.0.0.1:0"],
  ]) {
    const { status, stdout, stderr } = await anycastle(dir, ...command, "--world", "world.yaml");
    expect([command[0], status, stdout, stderr]).toEqual([
      command[0],
      2,
      "",
      expect.stringContaining(sentence),
    ]);
  }
  expect(existsSync(join(dir, "runtime", "lab.json"))).toBe(false);
});

test("the golden scenario is about the built-in world", async () => {
  writeFileSync(join(dir, "world.yaml"), `${GRAPH}\nsites: [{ id: ny1, as: 11 }]\n${HERE}\n`);
  const { status, stderr } = await anycastle(dir, "demo", "--script", "--world", "world.yaml");
  expect([status, stderr]).toEqual([2, expect.stringContaining("which is about the built-in world")]);
});
