/**
 * The nodes of a site where requests are for a subset of them, or where zones count.
 *
 *     subset ->  own zone | other zones       first attempts: the own zone's share there, the rest among the others;
 *     (or all)                                 the other side takes what the first one cannot
 *
 * A further attempt goes to a zone in which the request has not been yet, if anybody may be asked there: what took one node of a rack
 * or an availability zone may have taken the others. Only then to another node of a zone that it knows.
 *
 * Where requests that belong together shall stay together the side is their key's, not chance's: as shares change, only as many
 * move as must.
 */
import { mix, type Prng } from "#core/prng.ts";
import { NONE, WHOLE, type Balancer, type BalancerMember, type PickRequest } from "./balancer.ts";
import { GroupedBalancer, type MakeBalancer } from "./grouped-balancer.ts";
import { ownZonePercent, ownZoneWholePercent, type ZoneOptions } from "./zone-share.ts";

/** Nodes that tell none are taken for one zone. */
export type Zone = string | undefined;

export interface PoolMember extends BalancerMember {
  readonly zone: Zone;
  /** Numbers of the subsets it is of. */
  readonly subsets: readonly number[];
}

export interface SitePoolOptions {
  readonly subsetCount: number;
  /** The gateway's own zone; undefined: none is preferred. */
  readonly own: (ZoneOptions & { readonly id: string }) | undefined;
  /** Requests that belong together have the same mark, or the same key: they are to stay together. */
  readonly hasMarks: boolean;
  readonly hasKeys: boolean;
  readonly isHealthy: (node: number) => boolean;
  /** As the operator wants it, in the scale of the members' weights, whatever a slow start makes of it. */
  readonly wholeWeight: (node: number) => number;
  readonly makeBalancer: MakeBalancer;
  readonly prng: Prng;
}

/** Of first attempts so many percent go to the own zone. */
interface OwnPercents {
  readonly usual: number;
  readonly inPanic: number;
}

const OWN = 0;
const FAR = 1;
const PERCENT = 100;
/** The side must not follow from the bits that choose a node within it. */
const SIDE_SALT = 0x5bd1_e995;

export class SitePool extends GroupedBalancer implements Balancer {
  readonly #zones: readonly Zone[];
  readonly #zoneCount: number;
  readonly #subsets: readonly (readonly number[])[];
  /** 2 where a zone is preferred: the own one and the others. */
  readonly #sides: 1 | 2;
  readonly #options: SitePoolOptions;
  /** By subset, and first that of all nodes; undefined: to be worked out. */
  readonly #ownPercents: (OwnPercents | undefined)[];

  constructor(members: readonly PoolMember[], options: SitePoolOptions) {
    const { own, subsetCount } = options;
    const sides = own !== undefined && members.some(({ zone }) => zone === own.id) ? 2 : 1;
    const groups: number[][] = Array.from({ length: (subsetCount + 1) * sides }, () => []);
    for (const [slot, { subsets, zone }] of members.entries()) {
      const side = sides === 1 || zone === own!.id ? OWN : FAR;
      for (const subset of [WHOLE, ...subsets]) groups[(subset + 1) * sides + side]!.push(slot);
    }
    super(members, groups, options.makeBalancer);
    this.#zones = members.map(({ zone }) => zone);
    this.#zoneCount = new Set(this.#zones).size;
    this.#subsets = members.map(({ subsets }) => subsets);
    this.#sides = sides;
    this.#options = options;
    this.#ownPercents = Array.from({ length: subsetCount + 1 }, () => undefined);
  }

  pick(isEligible: (node: number) => boolean, request: PickRequest, subset = WHOLE): number {
    const tried = this.#triedZones(request);
    if (tried !== undefined) {
      const isElsewhere = (node: number): boolean => !tried.includes(this.#zoneOf(node)) && isEligible(node);
      const first = this.#sides === 2 && tried.includes(this.#options.own!.id) ? FAR : OWN;
      const node = this.#pickFrom(first, isElsewhere, request, subset);
      if (node !== NONE) return node;
    }
    return this.#pickFrom(this.#sideOf(request, subset), isEligible, request, subset);
  }

  isWithin(node: number, subset: number): boolean {
    return subset === WHOLE || this.#subsets[this.slotOf(node)]!.includes(subset);
  }

  isPreferred(node: number, request: PickRequest, subset: number): boolean {
    const tried = this.#triedZones(request);
    if (tried !== undefined) return !tried.includes(this.#zoneOf(node));
    if (this.#sides === 1 || this.#markOf(request) === undefined) return true;
    const isOwn = this.#zoneOf(node) === this.#options.own!.id;
    return isOwn === (this.#sideOf(request, subset) === OWN);
  }

  ownZonePercent(subset: number): number | undefined {
    if (this.#sides === 1) return undefined;
    return this.#percentsOf(subset).usual;
  }

  isAside(node: number, subset: number): boolean {
    return this.ownZonePercent(subset) === PERCENT && this.#zoneOf(node) !== this.#options.own!.id;
  }

  /** A node went out or came back, or weighs something else: shares are worked out anew. */
  forgetShares(): void {
    this.#ownPercents.fill(undefined);
  }

  /** One side first, then the other one. */
  #pickFrom(
    first: number,
    isEligible: (node: number) => boolean,
    request: PickRequest,
    subset: number,
  ): number {
    const group = (subset + 1) * this.#sides;
    const node = this.pickFrom(group + first, isEligible, request);
    if (node !== NONE || this.#sides === 1) return node;
    return this.pickFrom(group + 1 - first, isEligible, request);
  }

  /** Zones of this site in which the request has been; undefined: in none, or there is only one. */
  #triedZones({ excluded }: PickRequest): Zone[] | undefined {
    if (excluded.length === 0 || this.#zoneCount < 2) return undefined;
    const slots = excluded.map((node) => this.findSlot(node)).filter((slot) => slot !== undefined);
    return slots.length === 0 ? undefined : slots.map((slot) => this.#zones[slot]);
  }

  #percentsOf(subset: number): OwnPercents {
    return (this.#ownPercents[subset + 1] ??= this.#workOut(subset));
  }

  #sideOf(request: PickRequest, subset: number): number {
    if (this.#sides === 1) return OWN;
    const { inPanic, usual } = this.#percentsOf(subset);
    const percent = request.isPanic === true ? inPanic : usual;
    if (percent === PERCENT) return OWN;
    if (percent === 0) return FAR;
    const mark = this.#markOf(request);
    const drawn =
      mark === undefined ? this.#options.prng.integer(0, PERCENT - 1) : mix(mark ^ SIDE_SALT) % PERCENT;
    return drawn < percent ? OWN : FAR;
  }

  #markOf({ affinity, key }: PickRequest): number | undefined {
    const { hasKeys, hasMarks } = this.#options;
    return (hasMarks ? affinity : undefined) ?? (hasKeys ? key : undefined);
  }

  #workOut(subset: number): OwnPercents {
    const { isHealthy, own, wholeWeight } = this.#options;
    const state = { zones: 0, ownNodes: 0, own: 0, far: 0, farWhole: 0, whole: 0 };
    const zones = new Set<Zone>();
    for (const [slot, node] of this.nodes.entries()) {
      if (!this.isWithin(node, subset)) continue;
      const zone = this.#zones[slot];
      const isOwn = zone === own!.id;
      const whole = wholeWeight(node);
      const healthy = isHealthy(node) ? this.weights[slot]! : 0;
      zones.add(zone);
      state.whole += whole;
      if (!isOwn) state.farWhole += whole;
      if (isOwn) state.own += healthy;
      else state.far += healthy;
      if (isOwn && healthy > 0) state.ownNodes += 1;
    }
    return {
      usual: ownZonePercent({ ...state, zones: zones.size }, own!),
      inPanic: ownZoneWholePercent(state),
    };
  }

  #zoneOf(node: number): Zone {
    return this.#zones[this.slotOf(node)];
  }
}
