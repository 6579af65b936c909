/**
 * Who is let in: rate limits of all clients together and of each, judged when a request's head has been read. What is
 * turned away reaches no node, and is counted by reason.
 */
import type { AdmissionConfig } from "../config/admission.ts";
import { ClientTable } from "./client-table.ts";
import { RateLimiter, type RateLimit } from "./rate-limiter.ts";

/** `rate`: of all clients. */
export type RefusalReason = "rate" | "client-rate" | "path-rate";

/** 429. */
export interface Refusal {
  readonly reason: RefusalReason;
  /** Whole seconds, at least 1. */
  readonly retryAfterS: number;
  readonly limit: RateLimit;
}

export interface RateLimits {
  readonly all: RateLimit | undefined;
  readonly perClient: RateLimit | undefined;
}

export class Admission {
  readonly #clients: ClientTable;
  #all: RateLimiter | undefined;
  #perClient: RateLimiter | undefined;
  #dueUs = 0;
  /** By the path pattern's id. */
  readonly #paths = new Map<string, { limiter: RateLimiter; dueUs: number }>();

  constructor(config: Pick<AdmissionConfig, "rateLimit" | "rateLimitPerClient" | "clientsMax">) {
    this.#clients = new ClientTable(config.clientsMax);
    this.setLimits({ all: config.rateLimit, perClient: config.rateLimitPerClient });
  }

  /** False: everybody may pass. */
  get isOn(): boolean {
    return this.#all !== undefined || this.#perClient !== undefined;
  }

  get limits(): RateLimits {
    return { all: this.#all?.limit, perClient: this.#perClient?.limit };
  }

  /** From the next request on; what clients have used of a burst is not forgotten. */
  setLimits({ all, perClient }: RateLimits): void {
    this.#all = all === undefined ? undefined : new RateLimiter(all);
    this.#perClient = perClient === undefined ? undefined : new RateLimiter(perClient);
  }

  /** Those of path patterns; what is used up of one that stays is not forgotten. */
  setPathLimits(limits: ReadonlyMap<string, RateLimit>): void {
    for (const id of this.#paths.keys()) if (!limits.has(id)) this.#paths.delete(id);
    for (const [id, limit] of limits) {
      this.#paths.set(id, { limiter: new RateLimiter(limit), dueUs: this.#paths.get(id)?.dueUs ?? 0 });
    }
  }

  /** The same for requests of a pattern; judged after the others. */
  judgePath(id: string, nowMs: number): Refusal | undefined {
    const path = this.#paths.get(id);
    if (path === undefined) return undefined;
    if (!path.limiter.mayPass(path.dueUs, nowMs))
      return refusal("path-rate", path.limiter, path.dueUs, nowMs);
    path.dueUs = path.limiter.next(path.dueUs, nowMs);
    return undefined;
  }

  /** Undefined: it may pass, and has been counted. A request that one limit turns away uses up nothing of the other. */
  judge(client: string, nowMs: number): Refusal | undefined {
    const all = this.#all;
    const perClient = this.#perClient;
    const clientDueUs = perClient === undefined ? 0 : this.#clients.get(client);
    if (perClient?.mayPass(clientDueUs, nowMs) === false) {
      return refusal("client-rate", perClient, clientDueUs, nowMs);
    }
    if (all?.mayPass(this.#dueUs, nowMs) === false) return refusal("rate", all, this.#dueUs, nowMs);
    if (all !== undefined) this.#dueUs = all.next(this.#dueUs, nowMs);
    if (perClient !== undefined) this.#clients.set(client, perClient.next(clientDueUs, nowMs));
    return undefined;
  }
}

function refusal(reason: RefusalReason, limiter: RateLimiter, dueUs: number, nowMs: number): Refusal {
  const retryAfterS = Math.max(1, Math.ceil(limiter.waitMs(dueUs, nowMs) / 1_000));
  return { reason, retryAfterS, limit: limiter.limit };
}
