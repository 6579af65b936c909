/** What a watcher makes of what gateway and simulator tell: only differences are events, and what nobody tells is null. */
import { expect, test } from "vitest";
import { WatchedCast } from "#lab/watch/watched-cast.ts";
import { announced, feedState, gatewayStatus, routes, simStatus } from "./fake-services.ts";

const OPTIONS = { version: "0.0.0", gatewayUrl: "http://127.0.0.1:1", lookMs: 250, testMs: null };

function wholeCast(): WatchedCast {
  const cast = new WatchedCast(OPTIONS);
  const first = [
    ...feedState().flatMap((line) => cast.hearFeed(line)),
    ...cast.hearSim(simStatus()),
    ...cast.hearGateway(gatewayStatus(), 1),
  ];
  expect(first).toEqual([]);
  return cast;
}

test("what is heard first is a state, not an event", () => {
  const status = wholeCast().status();
  expect(status).toMatchObject({ isReady: true, feed: "live", mode: "anycast", seed: 7 });
  expect(status.sites.every(({ isAnnounced, nodes }) => isAnnounced && nodes.length === 2)).toBe(true);
  expect(status.vantages.find(({ vantage }) => vantage === "new-york")).toMatchObject({
    site: "ny1",
    rttUs: 1_000,
  });
  expect(status.vantages.find(({ vantage }) => vantage === "london")).toMatchObject({
    site: null,
    rttUs: null,
  });
});

test("of a node somewhere else, process, pid and what it says of itself are unknown, not made up", () => {
  const [site] = wholeCast().status().sites;
  expect(site!.nodes[0]).toEqual({
    node: "ny1-1",
    pid: null,
    url: "http://ny1-1.invalid",
    process: null,
    fault: null,
    misbehaviour: null,
    serving: null,
    bgp: "up",
    gateway: "healthy",
  });
});

test("New York's loss, as feed and statuses tell it", () => {
  const cast = wholeCast();
  expect(cast.hearGateway(gatewayStatus({ "ny1-1": "ejected" }), 2)).toMatchObject([
    { kind: "gateway.node", node: "ny1-1", from: "healthy", to: "ejected" },
  ]);
  expect(cast.hearFeed(announced("ny1", ["ny1-2"]))).toEqual([]);
  expect(cast.hearFeed(announced("ny1", []))).toMatchObject([{ kind: "site.withdrawn", site: "ny1" }]);
  expect(cast.hearFeed(routes("new-york", ["la1"]))).toMatchObject([
    { kind: "vantage.moved", vantage: "new-york", from: "ny1", to: "la1" },
  ]);
  expect(cast.hearSim(simStatus(["ny1-1", "ny1-2"]))).toMatchObject([
    { kind: "router.session", node: "ny1-1", state: "down" },
    { kind: "router.session", node: "ny1-2", state: "down" },
  ]);
  expect(cast.status().sites[0]).toMatchObject({ site: "ny1", isAnnounced: false });
  expect(cast.hearFeed(announced("ny1", ["ny1-1"]))).toMatchObject([
    { kind: "site.announced", site: "ny1", nodes: ["ny1-1"] },
  ]);
});

test("the whole state told once more, after the feed was lost, is no event", () => {
  const cast = wholeCast();
  cast.loseFeed();
  expect(cast.status()).toMatchObject({ feed: "stale", watch: { isSimulatorThere: false } });
  expect(feedState("b").flatMap((line) => cast.hearFeed(line))).toEqual([]);
  expect(cast.status()).toMatchObject({ feed: "live", watch: { isSimulatorThere: true } });
});

test("a vantage whose AS has no route is served by nobody, whatever a gateway may fall back on", () => {
  const cast = wholeCast();
  const line = { ...routes("new-york", ["la1"]), isUnreachable: true } as ReturnType<typeof routes>;
  expect(cast.hearFeed(line)).toMatchObject([{ kind: "vantage.moved", from: "ny1", to: null }]);
});

test("requests are the difference of two readings, and those of a new gateway begin at 0", () => {
  const cast = wholeCast();
  expect(cast.hearGateway(gatewayStatus({}, 100), 2)).toMatchObject([
    { kind: "gateway.window", fromNs: 1, requests: 100, rescued: 10 },
  ]);
  expect(cast.hearGateway(gatewayStatus({}, 100), 3)).toEqual([]);
  cast.hearGateway(undefined, 4);
  expect(cast.hearGateway(gatewayStatus({}, 30), 5)).toMatchObject([
    { kind: "gateway.window", requests: 30, rescued: 3 },
  ]);
});

test("a silent gateway's verdicts are unknown; a silent simulator's sessions too, and its sites stay, stale", () => {
  const cast = wholeCast();
  expect(cast.hearGateway(undefined, 2)).toEqual([]);
  expect(cast.hearSim(undefined)).toEqual([]);
  cast.loseFeed();
  const status = cast.status();
  expect(status).toMatchObject({ mode: null, seed: null, feed: "stale", isReady: true });
  expect(status.watch).toMatchObject({ isGatewayThere: false, isSimulatorThere: false });
  expect(status.sites[0]).toMatchObject({ isAnnounced: true });
  expect(status.sites[0]!.nodes).toMatchObject([
    { node: "ny1-1", bgp: null, gateway: null },
    { node: "ny1-2", bgp: null, gateway: null },
  ]);
  // While it was silent nobody knows what changed, so no change is told.
  expect(cast.hearGateway(gatewayStatus({ "ny1-1": "ejected" }), 3)).toEqual([]);
});

test("sites and cities that the map does not have are not kept", () => {
  const cast = wholeCast();
  const size = JSON.stringify(cast.status()).length;
  for (let index = 0; index < 100; index++) {
    expect(cast.hearFeed(announced(`zz${index}`, ["x"]))).toEqual([]);
    expect(cast.hearFeed(routes(`nowhere-${index}`, ["x"]))).toEqual([]);
  }
  expect(JSON.stringify(cast.status()).length).toBe(size);
});
