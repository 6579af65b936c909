/**
 * How traffic is spread over priorities (for the gateway: sites in the order in which a client would reach them) when
 * the first cannot carry all of it: Envoy's rules, in whole percent with truncating division, as its
 * `HostSetPriority` code has them (two rows of its documentation round otherwise).
 *
 * A priority can carry `factor` times the share of its nodes that are healthy: with 140 % it may lose 28 % of them before
 * anything spills. Panic: when all together cannot carry everything, a priority with fewer healthy nodes than the
 * threshold sends to all of its nodes, healthy or not; when every priority is in panic, load follows node counts.
 */
export interface PriorityHealth {
  readonly healthy: number;
  readonly total: number;
}

export interface PriorityLoad {
  /** Percent; all together 100, or 0 when there is nobody to send to. */
  readonly load: number;
  readonly isPanic: boolean;
}

const ALL = 100;

/** `panicPercent` 0: never panic. */
export function priorityLoads(
  priorities: readonly PriorityHealth[],
  factorPercent: number,
  panicPercent: number,
): PriorityLoad[] {
  const healths = priorities.map(({ healthy, total }) =>
    total === 0 ? 0 : Math.min(ALL, Math.trunc((factorPercent * healthy) / total)),
  );
  const healthSum = Math.min(ALL, sum(healths));
  const isPanic = priorities.map(
    ({ healthy, total }) => healthSum < ALL && total > 0 && healthy * ALL < panicPercent * total,
  );
  const hosts = priorities.map(({ total }) => total);
  const isTotalPanic = isPanic.every((is, index) => is || hosts[index] === 0) && isPanic.includes(true);
  const loads = isTotalPanic ? shares(hosts, sum(hosts)) : shares(healths, healthSum);
  return loads.map((load, index) => ({ load, isPanic: isPanic[index]! }));
}

/** Each its share of the whole, as far as something is left; what rounding leaves goes to the first that has any. */
function shares(parts: readonly number[], whole: number): number[] {
  if (whole === 0) return parts.map(() => 0);
  let left = ALL;
  const loads = parts.map((part) => {
    const load = Math.min(left, Math.trunc((part * ALL) / whole));
    left -= load;
    return load;
  });
  const first = parts.findIndex((part) => part > 0);
  loads[first] = loads[first]! + left;
  return loads;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
