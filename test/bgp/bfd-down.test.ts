import { expect, test } from "vitest";
import { decodeBody } from "#bgp/decode.ts";
import { BgpSession, type SessionAction, type SessionConfig } from "#bgp/session.ts";

const CONFIG: SessionConfig = {
  localAs: 64_500,
  bgpId: 1,
  holdTimeS: 9,
  connectRetryMs: 250,
  refusePeer: () => undefined,
};

/** Both ends, Established, over a wire that loses nothing. */
function establishedPair(): { active: BgpSession; passive: BgpSession } {
  const active = new BgpSession(CONFIG, "active");
  const passive = new BgpSession({ ...CONFIG, bgpId: 2 }, "passive");
  active.start();
  active.transportUp(0);
  passive.transportUp(0);
  for (let round = 0; round < 4; round++) {
    pass(active, passive);
    pass(passive, active);
  }
  return { active, passive };
}

function pass(from: BgpSession, to: BgpSession): void {
  for (const action of from.takeActions()) if (action.do === "send") to.receive(action.bytes, 0);
}

function describe(action: SessionAction): string {
  if (action.do !== "send") return "reason" in action ? `${action.do}: ${action.reason}` : action.do;
  const decoded = decodeBody(action.bytes[18]!, action.bytes.slice(19), { asOctets: 4, isExternal: true });
  if (!decoded.ok || decoded.message.type !== "notification") return "sends something else";
  return `sends NOTIFICATION ${decoded.message.code}/${decoded.message.subcode}`;
}

test("BFD that lost the peer ends the session with Cease/BFD Down (RFC 9384); only the active side tries again", () => {
  const { active, passive } = establishedPair();
  for (const session of [active, passive]) {
    session.bfdDown("nothing heard for 300 ms", 1000);
    expect(session.takeActions().map(describe)).toEqual([
      "sends NOTIFICATION 6/10",
      "close",
      "down: BFD down: nothing heard for 300 ms",
    ]);
  }
  expect(active.state).toEqual({ name: "connect", retryAtMs: 1250 });
  expect(passive.state).toEqual({ name: "idle" });
});

test("a session that is not up yet is left alone", () => {
  const session = new BgpSession(CONFIG, "active");
  session.start();
  session.transportUp(0);
  session.takeActions();
  session.bfdDown("nothing heard", 1);
  expect(session.takeActions()).toEqual([]);
  expect(session.state.name).toBe("open-sent");
});
