/** The algorithms by name. */
import type { Prng } from "#core/prng.ts";
import type { Balancer, BalancerMember } from "./balancer.ts";
import { LeastConnections } from "./least-connections.ts";
import { LeastTime } from "./least-time.ts";
import { Maglev } from "./maglev.ts";
import { PeakEwma } from "./peak-ewma.ts";
import { PowerOfTwo } from "./power-of-two.ts";
import { RandomChoice } from "./random-choice.ts";
import { RoundRobin } from "./round-robin.ts";

export const ALGORITHMS = [
  "least_connections",
  "round_robin",
  "random",
  "power_of_two",
  "peak_ewma",
  "least_time",
  "ip_hash",
  "consistent_hash",
] as const;

export type Algorithm = (typeof ALGORITHMS)[number];

export function isHashing(algorithm: Algorithm): boolean {
  return algorithm === "ip_hash" || algorithm === "consistent_hash";
}

export interface BalancerOptions {
  readonly algorithm: Algorithm;
  /** `least_connections` only. */
  readonly activeBias: number;
  /** Algorithms that hash only; 0: not bounded. */
  readonly loadFactorPercent: number;
}

export function createBalancer(
  members: readonly BalancerMember[],
  { algorithm, activeBias, loadFactorPercent }: BalancerOptions,
  prng: Prng,
): Balancer {
  switch (algorithm) {
    case "least_connections":
      return new LeastConnections(members, activeBias);
    case "round_robin":
      return new RoundRobin(members);
    case "random":
      return new RandomChoice(members, prng);
    case "power_of_two":
      return new PowerOfTwo(members, prng);
    case "peak_ewma":
      return new PeakEwma(members, prng);
    case "least_time":
      return new LeastTime(members);
    case "ip_hash":
    case "consistent_hash":
      return new Maglev(members, loadFactorPercent);
  }
}
