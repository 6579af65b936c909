/**
 * The part of `drill:change` that is about certificates: HTTPS clients, and every few reloads the files of the certificate are
 * overwritten, as an ACME client does. A handshake that a client begins after the gateway has said that the configuration is in
 * force must show the new certificate; one that was under way meanwhile may show either.
 */
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { nowNs, sleep } from "#core/host/clock.ts";
import { freePort, type BenchProcess } from "../processes.ts";
import { makeCertificates, type Certificate } from "./certificates.ts";
import { LiveGateway } from "./live-gateway.ts";
import { startTelling } from "./telling-process.ts";
import type { TlsCounts, TlsLine } from "./tls-load.ts";

const LOAD = fileURLToPath(new URL("./tls-load.ts", import.meta.url));
const RATE = 200;
/** The last of so many brings a new certificate. */
const RELOADS_PER_CERTIFICATE = 3;
const BETWEEN_MS = 100;
/** Of every certificate, clients see some handshakes. */
const SEEN_MS = 300;
const SETTLE_MS = 1_000;

export interface InForce {
  readonly name: string;
  /** When the gateway had said that it is. */
  readonly saidNs: number;
}

export interface Handshake {
  readonly name: string;
  readonly atNs: number;
}

export interface Rotation {
  readonly reloads: number;
  readonly untold: number;
  readonly certificates: number;
  readonly handshakes: number;
  /** Handshakes that showed a certificate which was not, or no longer, in force. */
  readonly wrong: number;
  /** Certificates that no handshake showed. */
  readonly unseen: readonly string[];
  readonly load: TlsCounts;
}

/** `documentOf`: the configuration for this port and turn, without `tls`. */
export async function rotate(
  directory: string,
  rotations: number,
  documentOf: (port: number, turn: number) => object,
): Promise<Rotation> {
  const { ca, all } = makeCertificates(directory, rotations + 1);
  const pair = { cert: join(directory, "tls.pem"), key: join(directory, "tls.key") };
  const port = await freePort();
  const document = (turn: number): object => ({ ...documentOf(port, turn), tls: { certificates: [pair] } });
  const inForce: InForce[] = [];
  const put = ({ cert, key }: Certificate): void => {
    copyFileSync(cert, pair.cert);
    copyFileSync(key, pair.key);
  };
  put(all[0]!);
  const gateway = await LiveGateway.start(join(directory, "tls.yaml"), port, document(0));
  inForce.push({ name: all[0]!.name, saidNs: 0 });
  const clients = new Clients(port, ca);
  await sleep(SETTLE_MS);
  let reloads = 0;
  let untold = 0;
  for (const certificate of all.slice(1)) {
    for (let step = 1; step <= RELOADS_PER_CERTIFICATE; step++) {
      const isLast = step === RELOADS_PER_CERTIFICATE;
      // A reload that is about something else finds what it found before: the files change with the last one only.
      if (isLast) put(certificate);
      if (!(await gateway.reload(document(++reloads)))) untold += 1;
      if (isLast) inForce.push({ name: certificate.name, saidNs: nowNs() });
      await sleep(isLast ? SEEN_MS : BETWEEN_MS);
    }
  }
  const load = await clients.end();
  gateway.end();
  const { handshakes } = clients;
  const shown = new Set(handshakes.map(({ name }) => name));
  return {
    reloads,
    untold,
    certificates: all.length,
    handshakes: handshakes.length,
    wrong: handshakes.filter((handshake) => !isRight(handshake, inForce)).length,
    unseen: all.map(({ name }) => name).filter((name) => !shown.has(name)),
    load,
  };
}

/** Whether a client that began to connect then may have been shown this. In order of `inForce` they came into force. */
export function isRight({ name, atNs }: Handshake, inForce: readonly InForce[]): boolean {
  const index = inForce.findIndex((each) => each.name === name);
  if (index === -1) return false;
  const next = inForce[index + 1];
  // A handshake takes its time: one that began before the change may have met it.
  return next === undefined || atNs < next.saidNs;
}

class Clients {
  readonly handshakes: Handshake[] = [];
  readonly #process: BenchProcess;
  #total: TlsCounts | undefined;

  constructor(port: number, ca: string) {
    const command = [LOAD, String(port), String(RATE), ca];
    this.#process = startTelling("HTTPS clients", command, (line) => this.#heard(line as TlsLine));
  }

  async end(): Promise<TlsCounts> {
    this.#process.endInput();
    await this.#process.exited;
    if (this.#total === undefined) throw new Error(`the clients told nothing: ${this.#process.log}`);
    return this.#total;
  }

  #heard(line: TlsLine): void {
    if ("total" in line) this.#total = line.total;
    else this.handshakes.push({ name: line.handshake, atNs: line.atNs });
  }
}
