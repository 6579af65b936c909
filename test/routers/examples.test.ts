/**
 * The examples are what they say: their configurations agree with each other, which needs no router and no root, and
 * the script runs.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import {
  exampleNode,
  exampleSimulator,
  NODE_AS,
  NODE_ID,
  PREFIX,
  PROJECT,
  ROUTER_AS,
} from "./cast-member.ts";
import { NODE_ADDRESS, ROUTER_ADDRESS } from "./namespaces.ts";
import { needs } from "./needs.ts";

const RUN_MS_MAX = 50_000;

function example(path: string): string {
  return readFileSync(`${PROJECT}examples/${path}`, "utf8");
}

test("the node's example names the addresses, ASes and prefix of these tests", () => {
  expect(exampleNode().bgp).toMatchObject({
    routerHost: ROUTER_ADDRESS,
    routerPort: 179,
    routerAs: ROUTER_AS,
    localAs: NODE_AS,
    bgpId: NODE_ID,
    nextHop: NODE_ADDRESS,
    prefix: PREFIX,
  });
});

test("the simulator's example is the router of that node", () => {
  expect(exampleSimulator()).toMatchObject({
    host: ROUTER_ADDRESS,
    prefix: PREFIX,
    routers: [{ port: 179, as: ROUTER_AS, peers: [{ node: "ny1-1", as: NODE_AS, bgpId: NODE_ID }] }],
  });
});

test.each([
  "bird/router.conf",
  "bird/node.conf",
  "frr/router.conf",
  "frr/node.conf",
  "gobgp/router.toml",
  "gobgp/node.toml",
])("%s names the same router, node and prefix", (path) => {
  const text = example(path);
  for (const word of [ROUTER_ADDRESS, NODE_ADDRESS, `${ROUTER_AS}`, `${NODE_AS}`, PREFIX]) {
    expect(text).toContain(word);
  }
});

test("run.sh shows the prefix, the goodbye and the withdrawal, and leaves nothing behind", (context) => {
  needs(context, "bird", "birdc");
  const run = spawnSync(`${PROJECT}examples/bird/run.sh`, { encoding: "utf8", timeout: RUN_MS_MAX });
  expect(run.stderr).toBe("");
  expect(run.status).toBe(0);
  const [, ready, leaving, left] = run.stdout.split("== ");
  expect(ready).toMatch(/Established[\s\S]*BGP\.as_path: 64501[\s\S]*BGP\.local_pref: 100/);
  expect(leaving).toMatch(/BGP\.local_pref: 0\s+BGP\.community: \(65535,0\)/);
  expect(left).toBe("withdrawn, and the node has left\n");
  expect(readdirSync("/run/netns").filter((name) => name.includes(`-${run.pid}-`))).toEqual([]);
});

test.each(["bird/router.conf", "frr/router.conf", "gobgp/router.toml"])(
  "docs/bgp.md shows %s as it is",
  (path) => {
    const shown = readFileSync(`${PROJECT}docs/bgp.md`, "utf8");
    expect(shown).toContain(`\`\`\`\n${example(path)}\`\`\`\n`);
  },
);
