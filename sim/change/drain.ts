/**
 * How long a drain must wait: a site asks its clients to go elsewhere while it still serves whoever comes, and its packets
 * are counted hop by hop until nothing is under way. Three ways to ask:
 *
 *     graceful-shutdown   its route carries GRACEFUL_SHUTDOWN (RFC 8326): whoever honours it prefers any other route
 *     prepend             it repeats its AS: whoever compares lengths may go, whoever prefers a customer's route stays
 *     withdraw            it stops to announce: all go, some through moments without a route
 */
import type { Act } from "./acts.ts";
import type { NamedSite } from "./change.ts";
import type { DrainWay } from "./drain-ways.ts";
import type { PlayedChange } from "./play-change.ts";

const ROUNDING = 1e-9;
/** A time is told to one twentieth. */
export const DRAIN_GRID_GROWTH = 1.05;

/** `prepends`: with `prepend` so many times more than before. */
export function asking({ site, vertex, ...marks }: NamedSite, way: DrainWay, prepends: number): Act[] {
  switch (way) {
    case "withdraw":
      return [{ atUs: 0, kind: "withdraw", vertex, what: `${site} withdraws` }];
    case "prepend": {
      const longer = { ...marks, prepends: marks.prepends + prepends };
      return [{ atUs: 0, kind: "announce", vertex, marks: longer, what: `${site} prepends` }];
    }
    case "graceful-shutdown": {
      const graceful = { ...marks, isGraceful: true };
      const what = `${site} announces GRACEFUL_SHUTDOWN`;
      return [{ atUs: 0, kind: "announce", vertex, marks: graceful, what }];
    }
  }
}

/** When `share` of the clients' weight has left the plan's subject for good, µs; undefined: more than the rest stays. */
export function leftAfterUs({ affected, grid }: PlayedChange, share: number): number | undefined {
  // A sum of weights and a ratio of it may differ in the last digit.
  const stays = (1 - share) * affected + ROUNDING * affected;
  let afterUs: number | undefined;
  for (let index = grid.length - 1; index >= 0 && grid[index]!.there <= stays; index--) {
    afterUs = grid[index]!.atUs;
  }
  return afterUs;
}
