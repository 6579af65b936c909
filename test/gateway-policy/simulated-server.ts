/**
 * Clients, a limit, and a server with a knee, on virtual time: `workers` of it work at the same time, whoever comes beyond that
 * stands in its queue. Under the limit requests come at a rate (an open loop: nobody slows down because answers do); above it they
 * are shed, as by a gateway without a line.
 */
import { Prng } from "#core/prng.ts";
import type { ConcurrencyLimit } from "#gateway/admission/concurrency-limit.ts";

export interface Server {
  workers: number;
  serviceMs: number;
  /** Percent of requests that are for something that takes ten times as long. */
  slowPercent: number;
}

export interface Seen {
  readonly served: number;
  readonly shed: number;
  /** Median time of what was served. */
  readonly medianMs: number;
  readonly limitMin: number;
  readonly limitMax: number;
}

interface Job {
  readonly gateway: number;
  readonly startedMs: number;
  readonly active: number;
  readonly isSlow: boolean;
}

/** Several gateways before one server, each with its own clients. */
export class Simulation {
  readonly server: Server;
  readonly limits: readonly ConcurrencyLimit[];
  readonly active: number[];
  nowMs = 0;
  readonly #prng: Prng;
  #rates: readonly number[] = [];
  /** When the next request comes to each gateway. */
  #nextMs: number[] = [];
  readonly #queue: Job[] = [];
  /** Kept sorted, the next one last. */
  readonly #ends: { readonly atMs: number; readonly job: Job }[] = [];

  constructor(server: Server, limits: readonly ConcurrencyLimit[], seed: number) {
    this.server = server;
    this.limits = limits;
    this.active = limits.map(() => 0);
    this.#prng = new Prng(seed);
  }

  /** `perSecond` at each gateway, at random moments. What the first of them saw, and all of them served. */
  run(forMs: number, perSecond: number | readonly number[]): Seen {
    const untilMs = this.nowMs + forMs;
    const rates = typeof perSecond === "number" ? this.limits.map(() => perSecond) : perSecond;
    const nextMs = rates.map((rate, gateway) =>
      this.#rates[gateway] === rate ? this.#nextMs[gateway]! : this.nowMs + this.#gapMs(rate),
    );
    this.#rates = rates;
    this.#nextMs = nextMs;
    const tookMs: number[] = [];
    let shed = 0;
    let limitMin = Infinity;
    let limitMax = 0;
    for (;;) {
      const gateway = nextMs.indexOf(Math.min(...nextMs));
      const end = this.#ends.at(-1);
      const comesMs = nextMs[gateway]!;
      if (Math.min(comesMs, end?.atMs ?? Infinity) > untilMs) break;
      if (end !== undefined && end.atMs <= comesMs) {
        this.#ends.pop();
        this.nowMs = end.atMs;
        tookMs.push(this.#end(end.job));
      } else {
        this.nowMs = comesMs;
        nextMs[gateway] = comesMs + this.#gapMs(rates[gateway]!);
        if (this.active[gateway]! < this.limits[gateway]!.limit) this.#begin(gateway);
        else shed += 1;
      }
      limitMin = Math.min(limitMin, this.limits[0]!.limit);
      limitMax = Math.max(limitMax, this.limits[0]!.limit);
    }
    this.nowMs = untilMs;
    const sorted = tookMs.toSorted((x, y) => x - y);
    const medianMs = sorted[sorted.length >> 1] ?? 0;
    return { served: tookMs.length, shed, medianMs, limitMin, limitMax };
  }

  #begin(gateway: number): void {
    this.active[gateway]! += 1;
    const job = {
      gateway,
      startedMs: this.nowMs,
      active: this.active[gateway]!,
      isSlow: this.#prng.chance(this.server.slowPercent, 100),
    };
    this.#queue.push(job);
    this.#work();
  }

  /** How long it took. */
  #end({ gateway, startedMs, active }: Job): number {
    const tookMs = this.nowMs - startedMs;
    this.active[gateway]! -= 1;
    this.limits[gateway]!.sample({ tookMs, active, isLost: false }, this.nowMs);
    this.#work();
    return tookMs;
  }

  #work(): void {
    while (this.#queue.length > 0 && this.#ends.length < this.server.workers) {
      const job = this.#queue.shift()!;
      const { serviceMs } = this.server;
      // Between half and one and a half of it.
      const ms = ((job.isSlow ? 10 : 1) * serviceMs * this.#prng.integer(50, 150)) / 100;
      const atMs = this.nowMs + ms;
      const at = this.#ends.findIndex((each) => each.atMs < atMs);
      this.#ends.splice(at === -1 ? this.#ends.length : at, 0, { atMs, job });
    }
  }

  /** Of Poisson's arrivals. */
  #gapMs(perSecond: number): number {
    return (-Math.log((this.#prng.uint32() + 1) / 2 ** 32) * 1_000) / perSecond;
  }
}
