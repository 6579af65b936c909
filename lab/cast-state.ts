/** What is known of the cast, read from its events alone: sites, nodes, vantages, the gateway's feed. */
import { rttBetweenUs } from "#core/geography/places.ts";
import type { SiteStatus, VantageStatus } from "#core/wire/control.ts";
import type { JournalEvent, NodeHealth, NodeServing } from "#core/wire/events.ts";
import type { LivePlaces } from "#core/wire/world.ts";
import type { NodeSlot } from "./node-slot.ts";

interface NodeSeen {
  serving: NodeServing | null;
  bgp: "up" | "down";
  bfd?: "up" | "down" | "admin-down";
  gateway: NodeHealth;
}

export class CastState {
  readonly #places: LivePlaces;
  readonly #nodes = new Map<string, NodeSeen>();
  readonly #announced = new Map<string, { readonly isGracefulShutdown: boolean }>();
  readonly #reached = new Map<string, string | null>();
  feed: "live" | "stale" = "stale";
  /** No route is on its way: every vantage has what it will keep. */
  isSettled = false;

  constructor(places: LivePlaces) {
    this.#places = places;
  }

  hear(event: JournalEvent): void {
    switch (event.kind) {
      case "node.serving":
        this.#node(event.node).serving = event.state;
        return;
      case "router.session":
        this.#node(event.node).bgp = event.state;
        return;
      case "bfd.session":
        if (event.by === "router") this.#node(event.node).bfd = event.state;
        return;
      case "gateway.node":
        this.#node(event.node).gateway = event.to;
        return;
      case "gateway.feed":
        this.feed = event.state;
        return;
      case "site.announced":
        this.#announced.set(event.site, event);
        this.isSettled = false;
        return;
      case "site.withdrawn":
        this.#announced.delete(event.site);
        this.isSettled = false;
        return;
      case "routes.settled":
        this.isSettled = true;
        return;
      case "vantage.moved":
        this.#reached.set(event.vantage, event.to);
        return;
      case "process.exited":
        this.#exited(event.process);
        return;
      default:
    }
  }

  isAnnounced(site: string): boolean {
    return this.#announced.has(site);
  }

  isBfdUp(node: string): boolean {
    return this.#node(node).bfd === "up";
  }

  gatewayHealth(node: string): NodeHealth {
    return this.#node(node).gateway;
  }

  serving(node: string): NodeServing | null {
    return this.#node(node).serving;
  }

  sites(slots: readonly NodeSlot[]): SiteStatus[] {
    return this.#places.sites.map(({ site, city }) => ({
      site,
      city,
      isAnnounced: this.#announced.has(site),
      isGracefulShutdown: this.#announced.get(site)?.isGracefulShutdown ?? false,
      nodes: slots
        .filter((slot) => slot.config.site === site)
        .map((slot) => ({
          node: slot.config.node,
          pid: slot.process?.isRunning === true ? slot.process.pid : null,
          url: slot.url,
          process: slot.processState(),
          fault: slot.fault,
          misbehaviour: slot.misbehaviour,
          ...this.#node(slot.config.node),
        })),
    }));
  }

  vantages(): VantageStatus[] {
    return this.#places.vantages.map(({ vantage, city }) => {
      const site = this.#reached.get(vantage) ?? null;
      return {
        vantage,
        city,
        site,
        rttUs: site === null ? null : (rttBetweenUs(this.#places, vantage, site) ?? null),
      };
    });
  }

  /** What a process said of itself ends with it. A simulator's restart makes everything unknown until it speaks. */
  #exited(process: string): void {
    const node = this.#nodes.get(process);
    if (node !== undefined) {
      node.serving = null;
      node.bgp = "down";
    }
    if (process === "gateway") {
      this.feed = "stale";
      for (const seen of this.#nodes.values()) seen.gateway = "unproven";
    }
    if (process !== "sim") return;
    this.isSettled = false;
    this.#announced.clear();
    this.#reached.clear();
    for (const seen of this.#nodes.values()) {
      seen.bgp = "down";
      delete seen.bfd;
    }
  }

  #node(id: string): NodeSeen {
    let seen = this.#nodes.get(id);
    if (seen === undefined) {
      seen = { serving: null, bgp: "down", gateway: "unproven" };
      this.#nodes.set(id, seen);
    }
    return seen;
  }
}
