/**
 * What a catchment feed has said, and which of it is in force.
 *
 *     feed lines --> heard --(synced)--> in force --> routes(vantage)
 *
 * Pure: `nowMs` is an argument. A lost feed changes nothing but the flag `isStale`. A simulator that was restarted
 * begins from nothing and hears its routers again one by one; believing its first words would tear down paths that
 * stand. So, as a BGP speaker does with a peer that restarts gracefully (RFC 4724 §4.2), the old answer stays in force,
 * stale, until the new one has stood still for `SETTLE_MS` and reaches every vantage, or until `GRACE_MS` is over.
 */
import { CATCHMENT_FEED_SCHEMA, type CatchmentFeedLine, type Routes } from "#core/wire/catchment.ts";

const SETTLE_MS = 1_000;
const GRACE_MS = 10_000;

type Phase =
  /** Nothing heard on this connection that counts yet. */
  | { readonly at: "syncing" }
  | { readonly at: "live" }
  /** Heard from a source that began anew: in force only once it has settled. */
  | { readonly at: "settling"; readonly sinceMs: number; changedMs: number };

export class FeedTable {
  #heard = new Map<string, Routes>();
  #heardNodes = new Map<string, readonly string[]>();
  #routes = new Map<string, Routes>();
  #nodes = new Map<string, readonly string[]>();
  #revision = 0;
  /** Of the source whose answer is in force, and of the one that speaks now; empty: it has not said. */
  #adopted = "";
  #speaking = "";
  #phase: Phase = { at: "syncing" };
  #isStale = false;

  routes(vantage: string): Routes | undefined {
    return this.#routes.get(vantage);
  }

  announcedNodes(site: string): readonly string[] | undefined {
    return this.#nodes.get(site);
  }

  /** True while the answers in force are those of a source that is in touch. */
  get isLive(): boolean {
    return this.#phase.at === "live";
  }

  /** The connection is gone or silent. The answers stay, flagged. Returns the vantages this touches. */
  lose(): string[] {
    this.#phase = { at: "syncing" };
    this.#heard = new Map();
    this.#heardNodes = new Map();
    if (this.#isStale) return [];
    this.#isStale = true;
    for (const [vantage, routes] of this.#routes) this.#routes.set(vantage, { ...routes, isStale: true });
    return [...this.#routes.keys()];
  }

  /** One line of the feed. Returns the vantages whose answer in force has changed; undefined: not this protocol. */
  hear(line: CatchmentFeedLine, nowMs: number): string[] | undefined {
    switch (line.type) {
      case "hello":
        if (line.schema !== CATCHMENT_FEED_SCHEMA) return undefined;
        this.#speaking = line.instance;
        return [];
      case "routes": {
        const { revision, asOfNs, sites, vantage, isUnreachable } = line;
        const routes: Routes = { revision, asOfNs, sites, isStale: false };
        this.#heard.set(vantage, isUnreachable === true ? { ...routes, isUnreachable } : routes);
        return this.#changed(revision, nowMs, vantage);
      }
      case "announced":
        this.#heardNodes.set(line.site, line.nodes);
        return this.#changed(line.revision, nowMs, undefined);
      case "synced":
        return this.#synced(line.revision, nowMs);
      case "heartbeat":
        return this.settle(nowMs);
      default:
        // A newer source may say more than this reader knows.
        return [];
    }
  }

  /** Call when time has passed: puts a settled answer in force. */
  settle(nowMs: number): string[] {
    if (this.#phase.at !== "settling") return [];
    const isOver = nowMs - this.#phase.sinceMs >= GRACE_MS;
    const isStill = nowMs - this.#phase.changedMs >= SETTLE_MS;
    return isOver || (isStill && this.#reachesAsMany()) ? this.#adopt() : [];
  }

  #changed(revision: number, nowMs: number, vantage: string | undefined): string[] {
    switch (this.#phase.at) {
      case "syncing":
        return [];
      case "settling":
        this.#phase.changedMs = nowMs;
        return [];
      case "live":
        this.#revision = Math.max(this.#revision, revision);
        if (vantage === undefined) {
          this.#nodes = new Map(this.#heardNodes);
          return [...this.#routes.keys()];
        }
        this.#routes.set(vantage, this.#heard.get(vantage)!);
        return [vantage];
      default:
        return [];
    }
  }

  #synced(revision: number, nowMs: number): string[] {
    const isOther = this.#adopted !== "" && this.#speaking !== this.#adopted;
    const isRestarted = isOther || revision < this.#revision;
    if (!isRestarted) {
      this.#revision = revision;
      return this.#adopt();
    }
    this.#phase = { at: "settling", sinceMs: nowMs, changedMs: nowMs };
    return [];
  }

  /** No vantage that had a site is without one in what was heard. */
  #reachesAsMany(): boolean {
    for (const [vantage, routes] of this.#routes) {
      if (routes.sites.length > 0 && (this.#heard.get(vantage)?.sites.length ?? 0) === 0) return false;
    }
    return true;
  }

  #adopt(): string[] {
    this.#phase = { at: "live" };
    this.#adopted = this.#speaking;
    this.#isStale = false;
    this.#routes = new Map(this.#heard);
    this.#nodes = new Map(this.#heardNodes);
    this.#revision = 0;
    for (const routes of this.#routes.values()) this.#revision = Math.max(this.#revision, routes.revision);
    return [...this.#routes.keys()];
  }
}
