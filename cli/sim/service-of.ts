/** A world as a service that finds its clients somehow, and loses a server or a site. */
import { UserError } from "#core/errors.ts";
import { CatchmentSolver } from "#sim/anycast/solve.ts";
import type { Detection } from "#sim/change/detection.ts";
import type { Service } from "#sim/change/one-death.ts";
import type { OpenWorld } from "#sim/load/open-world.ts";
import type { WorldDocument } from "#sim/load/world-document.ts";
import type { TimingFlags } from "./timing-options.ts";
import { timersOf } from "./timers-of.ts";

const US_PER_MS = 1_000;
const SERVERS_DEFAULT = 2;

/** What the world's own checks make of a death; undefined: it has none. */
export function checksOf({ checks }: WorldDocument): Detection | undefined {
  if (checks === undefined) return undefined;
  const intervalUs = checks.intervalMs * US_PER_MS;
  return {
    kind: "check",
    intervalUs,
    fastUs: intervalUs,
    failures: checks.failures,
    checkUs: checks.timeoutMs * US_PER_MS,
  };
}

/** `detection`: for services by anycast, instead of the world's checks. Throws `UserError` where nobody looks. */
export function serviceOf(
  name: string,
  world: OpenWorld,
  detection: Detection | undefined,
  flags: Pick<TimingFlags, "timing">,
): Service {
  if (world.vantages.length === 0) {
    throw new UserError("VANTAGES_MISSING", `${name} has no vantages: nobody is there to be served`, {
      hint: "write vantages into the world (docs/simulator.md shows how), or name a preset",
    });
  }
  const { steering, nodes = SERVERS_DEFAULT } = world.document;
  const isAnycast = steering === "anycast";
  return {
    graph: world.graph,
    sites: world.sites,
    solved: new CatchmentSolver(world.graph).solve(world.sites),
    routersFrom: world.networkCount,
    timing: timersOf(world, flags).engine,
    servers: nodes,
    detection: (isAnycast && world.sites.length > 1 ? detection : undefined) ?? checksOf(world.document),
    steering: isAnycast ? { kind: "anycast" } : { kind: "dns", ttlUs: steering.dns.ttlS * 1_000 * US_PER_MS },
    clients: world.vantages,
  };
}
