/** Internets so small that everything about them can be counted out, and services on them, by chance. */
import type { Prng } from "#core/prng.ts";
import type { Source } from "#sim/anycast/solve.ts";
import { GraphBuilder, type AsGraph } from "#sim/topology/as-graph.ts";

const ASES_MIN = 2;
const ASES_MAX = 12;
const SITES_MAX = 4;
const AS_FIRST = 100;

/** Up to twelve ASes; a lower index may sell to a higher one, so nobody is his own provider. */
export function randomInternet(prng: Prng): AsGraph {
  const builder = new GraphBuilder();
  const count = prng.integer(ASES_MIN, ASES_MAX);
  // AS numbers in no relation to the hierarchy.
  for (const rank of prng.shuffle(Array.from({ length: count }, (_, index) => index))) {
    builder.addVertex(AS_FIRST + rank);
  }
  for (let a = 0; a < count; a++) {
    for (let b = a + 1; b < count; b++) {
      const kind = prng.integer(0, 5);
      if (kind < 2) builder.addTransit(a, b);
      else if (kind === 2) builder.addPeering(a, b);
    }
  }
  return builder.build();
}

/** One to four sites with prepends; `hasCommunities`: some with NO_EXPORT, NOPEER, BLACKHOLE. */
export function randomSources(prng: Prng, vertexCount: number, hasCommunities: boolean): Source[] {
  const vertices = new Set<number>();
  const count = prng.integer(1, Math.min(SITES_MAX, vertexCount));
  while (vertices.size < count) vertices.add(prng.integer(0, vertexCount - 1));
  return [...vertices].map((vertex) => ({
    vertex,
    prepends: prng.integer(0, 2),
    ...(hasCommunities && {
      isNoExport: prng.chance(1, 8),
      isNoPeer: prng.chance(1, 4),
      isBlackhole: prng.chance(1, 8),
    }),
  }));
}
