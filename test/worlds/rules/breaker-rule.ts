/**
 * What breakers promise: a site whose breaker is open is not asked, it stays open for its whole time, and half open it gets no
 * more calls at once than are permitted. Heard are the breakers' own events, and seen what the nodes are asked.
 */
import type { GatewayConfig } from "#gateway/config.ts";
import type { BreakerState } from "#gateway/resilience/breaker/breaker.ts";
import type { Asked } from "../virtual-node.ts";
import type { Violate } from "./violate.ts";

interface SiteState {
  is: BreakerState;
  sinceMs: number;
  /** Asked since it is half open, and still under way. */
  readonly trials: Set<Asked>;
}

export class BreakerRule {
  readonly #options: NonNullable<GatewayConfig["breaker"]["options"]> | undefined;
  readonly #violate: Violate;
  readonly #sites = new Map<string, SiteState>();

  constructor(config: GatewayConfig, violate: Violate) {
    this.#options = config.breaker.options;
    this.#violate = violate;
    for (const { id } of config.sites) this.#sites.set(id, { is: "closed", sinceMs: 0, trials: new Set() });
  }

  changed(id: string, to: BreakerState, nowMs: number): void {
    const site = this.#sites.get(id)!;
    const openMs = nowMs - site.sinceMs;
    if (to === "half_open" && openMs < this.#waitMs())
      this.#violate(`the breaker of ${id} is half open after ${openMs} ms, not ${this.#waitMs()}`);
    site.is = to;
    site.sinceMs = nowMs;
    site.trials.clear();
  }

  asked(id: string, asked: Asked): void {
    if (this.#options === undefined) return;
    const site = this.#sites.get(id)!;
    if (site.is === "open")
      this.#violate(`${asked.requestId} asks ${asked.node.id}, and its breaker is open`);
    if (site.is !== "half_open") return;
    site.trials.add(asked);
    const { permittedCallsInHalfOpen } = this.#options;
    if (site.trials.size > permittedCallsInHalfOpen)
      this.#violate(`${site.trials.size} trials at once of ${id}: ${permittedCallsInHalfOpen} are permitted`);
  }

  ended(id: string, asked: Asked): void {
    this.#sites.get(id)!.trials.delete(asked);
  }

  #waitMs(): number {
    const options = this.#options!;
    return options.mode === "rate" ? options.waitDurationInOpenMs : options.timeoutMs;
  }
}
