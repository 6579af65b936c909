/**
 * The clients of a run: an open-loop load on a fixed plan (requests are due at fixed times, whatever became of those
 * before them), from all vantages in turn, kept-alive and fresh connections, GET and POST; and the speed test, one cold
 * request of each vantage at once.
 */
import type { Prng } from "#core/prng.ts";
import { ACTOR } from "./actors.ts";
import { ClientConnection } from "./sim-client.ts";
import { SimExchange, type SimOutcome } from "./sim-exchange.ts";
import type { SimGateway } from "./sim-gateway.ts";
import type { ScenarioTest, ScenarioTestRow } from "./scenario.ts";

const US_PER_S = 1_000_000;
/** One request in so many opens a connection of its own. */
const FRESH_IN = 5;
/** One request in so many is a POST. */
const POST_IN = 20;
/** Connections that a vantage keeps open between requests; more are closed. */
const KEPT_MAX = 64;

export interface LoadCounts {
  sent: number;
  ok: number;
  failedGet: number;
  failedPost: number;
  duplicated: number;
}

export class SimLoad {
  readonly counts: LoadCounts = { sent: 0, ok: 0, failedGet: 0, failedPost: 0, duplicated: 0 };
  /** Failed requests by reason. */
  readonly failures = new Map<string, number>();
  readonly #gateway: SimGateway;
  readonly #vantages: readonly string[];
  readonly #rate: number;
  readonly #prng: Prng;
  /** Connections that wait for their next request, by vantage. */
  readonly #kept = new Map<string, ClientConnection[]>();
  #connectionCount = 0;
  #startUs = 0;
  #isStopped = false;

  constructor(gateway: SimGateway, vantages: readonly string[], rate: number, prng: Prng) {
    this.#gateway = gateway;
    this.#vantages = vantages;
    this.#rate = rate;
    this.#prng = prng;
  }

  start(): void {
    const { loop, journal } = this.#gateway;
    this.#startUs = loop.nowUs;
    journal.emit("load", {
      kind: "load.started",
      rate: this.#rate,
      planned: 0,
      startNs: loop.nowUs * 1000,
    });
    this.#send(0);
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Cold requests of all vantages at once; `done` gets the rows when the last one has its outcome. */
  test(label: ScenarioTest["label"], done: (test: ScenarioTest) => void): void {
    const rows: ScenarioTestRow[] = [];
    const startUs = this.#gateway.loop.nowUs;
    for (const [index, vantage] of this.#vantages.entries()) {
      const connection = this.#newConnection(vantage);
      new SimExchange(this.#gateway, {
        method: "GET",
        connection,
        executed: () => undefined,
        done: ({ node }) => {
          this.#gateway.closed(connection);
          const site = node === undefined ? null : this.#gateway.siteId(this.#gateway.siteOfNode(node));
          const ttfbMs = node === undefined ? null : (this.#gateway.loop.nowUs - startUs) / 1000;
          rows[index] = { vantage, isOk: node !== undefined, site, ttfbMs };
          if (Object.keys(rows).length === this.#vantages.length) this.#tellTest(label, rows, done);
        },
      }).start();
    }
  }

  #tellTest(
    label: ScenarioTest["label"],
    rows: readonly ScenarioTestRow[],
    done: (test: ScenarioTest) => void,
  ): void {
    const ok = rows.filter((row) => row.isOk).length;
    this.#gateway.journal.emit("load", { kind: "test.finished", label, ok, failed: rows.length - ok });
    done({ label, rows });
  }

  #send(index: number): void {
    if (this.#isStopped) return;
    const { loop } = this.#gateway;
    const vantage = this.#vantages[index % this.#vantages.length]!;
    const isFresh = this.#prng.chance(1, FRESH_IN);
    const method = this.#prng.chance(1, POST_IN) ? "POST" : "GET";
    this.#ask(index, vantage, isFresh, method);
    const dueUs = this.#startUs + Math.floor(((index + 1) * US_PER_S) / this.#rate);
    loop.after(ACTOR.load, dueUs - loop.nowUs, () => this.#send(index + 1));
  }

  #ask(index: number, vantage: string, isFresh: boolean, method: "GET" | "POST"): void {
    const dueUs = this.#gateway.loop.nowUs;
    const kept = this.#keptOf(vantage);
    let connection = isFresh ? undefined : kept.pop();
    // One that was reset while it waited is noticed when it is next used.
    while (connection?.isReset) connection = kept.pop();
    const used = connection ?? this.#newConnection(vantage);
    let executions = 0;
    this.counts.sent += 1;
    new SimExchange(this.#gateway, {
      method,
      connection: used,
      executed: () => {
        executions += 1;
        if (method === "POST" && executions === 2) this.counts.duplicated += 1;
      },
      done: (outcome) => {
        if (isFresh || used.isReset || kept.length >= KEPT_MAX) this.#gateway.closed(used);
        else kept.push(used);
        this.#record({ index, vantage, method, dueUs }, outcome);
      },
    }).start();
  }

  #record(
    request: { index: number; vantage: string; method: "GET" | "POST"; dueUs: number },
    { node, failure }: SimOutcome,
  ): void {
    if (node !== undefined) {
      this.counts.ok += 1;
      return;
    }
    if (request.method === "GET") this.counts.failedGet += 1;
    else this.counts.failedPost += 1;
    this.failures.set(failure, (this.failures.get(failure) ?? 0) + 1);
    const { index, vantage, method, dueUs } = request;
    this.#gateway.journal.emit("load", {
      kind: "load.failed",
      index,
      vantage,
      method,
      dueNs: dueUs * 1000,
      reason: failure,
      node: null,
    });
  }

  #keptOf(vantage: string): ClientConnection[] {
    let kept = this.#kept.get(vantage);
    if (kept === undefined) this.#kept.set(vantage, (kept = []));
    return kept;
  }

  #newConnection(vantage: string): ClientConnection {
    const connection = new ClientConnection(vantage, this.#connectionCount++);
    this.#gateway.opened(connection);
    return connection;
  }
}
