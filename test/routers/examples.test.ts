/** The example configurations agree with each other; this needs no router and no root. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { NodeConfig } from "#core/wire/cast.ts";
import { NODE_AS, NODE_ID, PREFIX, PROJECT, ROUTER_AS } from "./cast-member.ts";
import { NODE_ADDRESS, ROUTER_ADDRESS } from "./namespaces.ts";

function example(path: string): string {
  return readFileSync(`${PROJECT}examples/${path}`, "utf8");
}

test("the node's example configuration names the addresses, ASes and prefix of these tests", () => {
  const { bgp } = JSON.parse(example("bird/node.json")) as NodeConfig;
  expect(bgp).toMatchObject({
    routerHost: ROUTER_ADDRESS,
    routerPort: 179,
    routerAs: ROUTER_AS,
    localAs: NODE_AS,
    bgpId: NODE_ID,
    nextHop: NODE_ADDRESS,
    prefix: PREFIX,
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
