/**
 * A world as the processes of a cast are told of it: what the lab and the page show of it, and the network that the
 * simulator runs. Absent everywhere: the default world, which every process has built in.
 */
import type { Coordinates } from "../geography/coordinates.ts";

export interface LiveWorld extends LivePlaces {
  /** Where it came from, for people: the file. */
  readonly name: string;
  /** The simulator's alone. */
  readonly network: LiveNetwork;
}

export interface LivePlaces {
  readonly sites: readonly LiveSite[];
  readonly vantages: readonly LiveVantage[];
}

export interface LiveSite {
  readonly site: string;
  /** For people. */
  readonly city: string;
  readonly coordinates: Coordinates;
}

export interface LiveVantage {
  readonly vantage: string;
  /** For people. */
  readonly city: string;
  /** Null: on no map. */
  readonly coordinates: Coordinates | null;
  /** Round-trip time to each site, whole µs, in the order of the sites. */
  readonly rttUs: readonly number[];
}

/** A graph of ASes and who is where in it; a vertex is an index into `asn`. */
export interface LiveNetwork {
  readonly asn: readonly number[];
  /** Three numbers for each link: vertex a, vertex b, and what b is to a (0 customer, 1 peer, 2 provider). */
  readonly links: readonly number[];
  /** In the order of `LiveWorld.sites`. */
  readonly sites: readonly {
    readonly vertex: number;
    readonly prepends: number;
    readonly isNoExport: boolean;
    readonly isNoPeer: boolean;
  }[];
  /** Vertex of each vantage, in their order. */
  readonly vantages: readonly number[];
  /** Delays and timers, as the simulator's engine takes them. */
  readonly engine: unknown;
}
