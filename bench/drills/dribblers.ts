/**
 * Clients that send one byte a second, to hold what they can for as long as they can: `heads` never finish the head of a request,
 * `bodies` never finish its body. One that is cut comes again a second later. Prints a line of JSON a second.
 *
 * `node bench/drills/dribblers.ts PORT COUNT heads|bodies`.
 */
import { connect, type Socket } from "node:net";
import { after, every } from "#core/host/clock.ts";

const BYTE_MS = 1_000;
const TELL_MS = 1_000;
/** So many a second are opened: what is looked at is holding them, not a flood of handshakes. */
const OPENED_PER_S = 1_000;

export type DribbleKind = "heads" | "bodies";

export interface DribblerCounts {
  open: number;
  /** Ended by the other side. */
  cut: number;
  /** Of those, without a word before. */
  untold: number;
}

const [port = "", count = "", kind = "heads"] = process.argv.slice(2);
const counts: DribblerCounts = { open: 0, cut: 0, untold: 0 };
const begun =
  kind === "heads"
    ? "GET / HTTP/1.1\r\nhost: drill\r\nx-slow: "
    : "POST / HTTP/1.1\r\nhost: drill\r\ncontent-length: 1000000\r\n\r\n";

for (let index = 0; index < Number(count); index++) after((index * 1_000) / OPENED_PER_S, open);
every(TELL_MS, () => process.stdout.write(`${JSON.stringify(counts)}\n`));
process.stdin.on("end", () => process.exit(0)).resume();

function open(): void {
  const socket: Socket = connect({ port: Number(port), host: "127.0.0.1", noDelay: true });
  let isAnswered = false;
  const bytes = every(BYTE_MS, () => socket.write("a"));
  socket.once("connect", () => {
    counts.open += 1;
    socket.write(begun);
    socket.once("close", () => (counts.open -= 1));
  });
  socket.on("error", () => undefined);
  socket.on("data", () => (isAnswered = true));
  socket.once("close", () => {
    bytes.cancel();
    counts.cut += 1;
    if (!isAnswered) counts.untold += 1;
    after(BYTE_MS, open);
  });
}
