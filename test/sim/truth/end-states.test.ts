/** Four ways to know where everything ends agree; and the independent ones are not deaf. */
import { expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import { solveCatchment } from "#sim/anycast/solve.ts";
import { RELATION } from "#sim/topology/as-graph.ts";
import {
  generatedEndStates,
  givenEndState,
  leftoverRoutes,
  solverAgainstOracles,
} from "#sim/truth/end-states.ts";
import { fixedPoint } from "#sim/truth/fixed-point.ts";
import { randomInternet } from "#sim/truth/random-internet.ts";
import { classesByPaths } from "#sim/truth/valley-free.ts";
import { generateGraph } from "#sim/topology/generate.ts";
import { smallGraph } from "../small-graph.ts";

test("the static solve is the fixed point, and its classes are those of the best path of any", () => {
  const rows = solverAgainstOracles(2_000);
  expect(rows.map(({ verdict }) => verdict)).toEqual(["equal", "equal"]);
});

test("played message by message, every AS ends where the static solve says", () => {
  expect(generatedEndStates(40, 20)).toMatchObject({ verdict: "equal" });
  expect(givenEndState("generated", generateGraph(1_000, new Prng(1)), 10)).toMatchObject({
    verdict: "equal",
  });
});

test("nobody keeps a route of a service that is gone", () => {
  expect(leftoverRoutes(200)).toMatchObject({ verdict: "equal" });
});

/** A top with two customers that are peers; the first has a customer of its own. */
function family() {
  const { graph, at } = smallGraph("1>2", "1>3", "2=3", "2>4");
  return { graph, top: at(1), left: at(2), right: at(3), child: at(4) };
}

test("valleys are no way: a peer's peer and a provider's provider stay unreached", () => {
  const { graph, right, child } = family();
  const { customer, peer, provider } = RELATION;
  expect(classesByPaths(graph, [{ vertex: child, prepends: 0 }])).toEqual([
    customer,
    customer,
    peer,
    customer,
  ]);
  expect(classesByPaths(graph, [{ vertex: right, prepends: 0 }])).toEqual([
    customer,
    peer,
    customer,
    provider,
  ]);
  const peers = smallGraph("1=2", "2=3");
  expect(classesByPaths(peers.graph, [{ vertex: peers.at(3), prepends: 0 }])).toEqual([255, peer, customer]);
});

test("the fixed point sees a difference that a wrong solve would make", () => {
  const prng = new Prng(3);
  let differing = 0;
  for (let count = 0; count < 50; count++) {
    const graph = randomInternet(prng);
    const known = fixedPoint(graph, [{ vertex: 0, prepends: 0 }]);
    const { next } = solveCatchment(graph, [{ vertex: graph.vertexCount - 1, prepends: 0 }]);
    if (known.some((route, vertex) => (route?.next ?? -1) !== next[vertex])) differing += 1;
  }
  expect(differing).toBeGreaterThan(40);
});
