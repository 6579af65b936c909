/**
 * HTTPS clients of a drill: one GET every `1/RATE` s at its due time, whatever came of those before it, half of them on connections
 * of their own with a full handshake, the rest over connections that are kept. Prints a line of JSON for each handshake, with the
 * name of the certificate that was shown, and one with all counts when its standard input ends.
 *
 * `node bench/drills/tls-load.ts PORT RATE CA_FILE`.
 */
import { readFileSync } from "node:fs";
import { Agent, request } from "node:https";
import type { TLSSocket } from "node:tls";
import { every, nowMs, nowNs } from "#core/host/clock.ts";

const TICK_MS = 5;
const KEPT_MAX = 32;
const TIMEOUT_MS = 10_000;
const REASONS_MAX = 16;

export type TlsLine =
  /** `atNs`: when the client began to connect, on the clock that all processes of a box share. */
  { readonly handshake: string; readonly atNs: number } | { readonly total: TlsCounts };

export interface TlsCounts {
  sent: number;
  answered: number;
  failed: number;
  /** Of what failed, the first few kinds. */
  reasons: Record<string, number>;
}

const [port = "", rate = "", caFile = ""] = process.argv.slice(2);
const ca = readFileSync(caFile);
const counts: TlsCounts = { sent: 0, answered: 0, failed: 0, reasons: {} };
const kept = new Agent({ keepAlive: true, maxSockets: KEPT_MAX, maxCachedSessions: 0 });
const startedMs = nowMs();
let isOver = false;

const ticks = every(TICK_MS, () => {
  const due = Math.floor(((nowMs() - startedMs) / 1_000) * Number(rate));
  while (counts.sent < due) ask(counts.sent % 2 === 0);
});
process.stdin.on("end", () => {
  isOver = true;
  ticks.cancel();
  finish();
});
process.stdin.resume();

function ask(isFresh: boolean): void {
  counts.sent += 1;
  const atNs = nowNs();
  const agent = isFresh ? new Agent({ maxCachedSessions: 0 }) : kept;
  const options = { host: "127.0.0.1", port: Number(port), ca, agent, timeout: TIMEOUT_MS };
  let isCounted = false;
  const count = (failure: string | undefined): void => {
    if (isCounted) return;
    isCounted = true;
    if (failure === undefined) counts.answered += 1;
    else failed(failure);
    finish();
  };
  const asked = request(options, (response) => {
    response.resume();
    response.on("end", () => count(response.statusCode === 200 ? undefined : String(response.statusCode)));
    response.on("error", (error) => count(error.message));
  });
  asked.on("socket", (socket) => {
    if (!isFresh) return;
    socket.once("secureConnect", () => {
      say({ handshake: String((socket as TLSSocket).getPeerCertificate().subject.CN), atNs });
    });
  });
  asked.on("timeout", () => asked.destroy(new Error(`no answer for ${TIMEOUT_MS} ms`)));
  asked.on("error", (error) => count(error.message));
  asked.end();
}

function failed(reason: string): void {
  counts.failed += 1;
  if (reason in counts.reasons || Object.keys(counts.reasons).length < REASONS_MAX) {
    counts.reasons[reason] = (counts.reasons[reason] ?? 0) + 1;
  }
}

/** When all that was sent has come to its end. */
function finish(): void {
  if (!isOver || counts.answered + counts.failed < counts.sent) return;
  process.stdout.write(`${JSON.stringify({ total: counts } satisfies TlsLine)}\n`, () => process.exit(0));
}

function say(line: TlsLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
