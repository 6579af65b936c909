/**
 * A process of the tests: our BGP speaker as a listening router that prints what it hears, one JSON line each, so that
 * a test sees what became of a real router's UPDATEs. `node listener.ts HOST PORT AS BGP-ID PEER-AS`.
 */
import { createServer } from "node:net";
import { parseIpv4 } from "#bgp/messages.ts";
import { SessionDriver } from "#bgp/session-driver.ts";
import { BgpSession, refuseUnless } from "#bgp/session.ts";
import { after, nowMs } from "#core/host/clock.ts";

const [host = "", port = "", localAs = "", bgpId = "", peerAs = ""] = process.argv.slice(2);

function tell(line: object): void {
  // Values of attributes that are kept unread are bytes: shown in hexadecimal.
  const text = JSON.stringify(line, (_key, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value,
  );
  process.stdout.write(`${text}\n`);
}

const server = createServer({ noDelay: true }, (socket) => {
  const session = new BgpSession(
    {
      localAs: Number(localAs),
      bgpId: parseIpv4(bgpId),
      holdTimeS: 9,
      connectRetryMs: 0,
      refusePeer: refuseUnless(Number(peerAs)),
    },
    "passive",
  );
  const afterReads = (fn: () => void): void => void setImmediate(() => setImmediate(fn));
  const driver = new SessionDriver(
    session,
    { nowMs, after, afterReads },
    {
      up: (peer) => tell({ kind: "up", asOctets: peer.asOctets }),
      down: (reason) => tell({ kind: "down", reason }),
      failed: (reason) => tell({ kind: "failed", reason }),
      update: (update, remarks) => tell({ kind: "update", ...update, remarks }),
    },
  );
  const transport = {
    write: (bytes: Uint8Array) => void socket.write(bytes),
    close: () => void socket.end(),
  };
  socket.on("data", (bytes) => driver.received(bytes, transport));
  socket.on("error", () => undefined);
  socket.on("close", () => driver.closed("connection closed", transport));
  driver.opened(transport);
});
server.listen(Number(port), host, () => tell({ kind: "listening" }));
