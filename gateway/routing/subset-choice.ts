/**
 * Which subset of the nodes a request is for: the one its pattern has, the one it names itself where it may, or the one that its
 * client falls to in a split. A client stays on its side: in every gateway, in every pattern with the same split, and when a share
 * grows at the cost of those behind it. Pure.
 */
import { hashText, mix } from "#core/prng.ts";
import { WHOLE } from "../balancer/balancer.ts";
import { valueOf, type HashBy, type KeySource } from "./request-key.ts";

export interface Subset {
  readonly id: string;
  /** A node is of it that has all of them. */
  readonly labels: Readonly<Record<string, string>>;
  /** `fail`, `any`, or the id of another one: what is asked when it has nobody. */
  readonly fallback: string;
}

export interface SubsetPart {
  readonly id: string;
  /** Its number. */
  readonly subset: number;
  /** In `WHOLE_SHARE`ths. */
  readonly share: number;
}

export interface SubsetChoice {
  /** Shares sum to `WHOLE_SHARE`. */
  readonly split: readonly SubsetPart[];
  /** What of a client it is split by; a request without it: by its address. */
  readonly splitBy: HashBy;
  /** What of a request may name a subset of the split, one with the share 0 too. */
  readonly namedBy: HashBy | undefined;
}

/** Shares are hundredths of a percent. */
export const WHOLE_SHARE = 10_000;
/** The side must not follow from the bits by which nodes are chosen. */
const SPLIT_SALT = 0x27d4_eb2f;

/** Its number. */
export function chooseSubset({ namedBy, split, splitBy }: SubsetChoice, source: KeySource): number {
  if (namedBy !== undefined) {
    const name = valueOf(namedBy, source);
    const named = split.find(({ id }) => id === name);
    if (named !== undefined) return named.subset;
  }
  if (split.length === 1) return split[0]!.subset;
  let left = mix(hashText(valueOf(splitBy, source) ?? source.address) ^ SPLIT_SALT) % WHOLE_SHARE;
  for (const { share, subset } of split) {
    if (left < share) return subset;
    left -= share;
  }
  return WHOLE;
}

/**
 * By subset: its own number and those of what is asked when it has nobody, in order; `WHOLE`: all nodes. Ends at `fail`, at `any`, or
 * where it would go round.
 */
export function subsetChains(subsets: readonly Pick<Subset, "id" | "fallback">[]): number[][] {
  return subsets.map((_, first) => {
    const chain: number[] = [];
    for (let at = first; at !== -1 && !chain.includes(at);) {
      chain.push(at);
      const { fallback } = subsets[at]!;
      if (fallback === "any") return [...chain, WHOLE];
      at = subsets.findIndex(({ id }) => id === fallback);
    }
    return chain;
  });
}

/** Numbers of the subsets that a node with these labels is of. */
export function subsetsWith(
  labels: Readonly<Record<string, string>>,
  subsets: readonly Pick<Subset, "labels">[],
): number[] {
  return [...subsets.keys()].filter((subset) =>
    Object.entries(subsets[subset]!.labels).every(([key, value]) => labels[key] === value),
  );
}
