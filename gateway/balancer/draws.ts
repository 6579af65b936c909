/** Draws that cost the same whatever the number of nodes, as long as most of them may be picked. */
import type { Prng } from "#core/prng.ts";
import { NONE } from "./balancer.ts";

/** With half of the nodes out, one request in 65,000 finds nobody by so many draws; then the list is walked. */
const DRAWS_MAX = 16;

/** Up to two different acceptable slots of `count`; `NONE` for those that were not found by chance. */
export function drawTwo(
  prng: Prng,
  count: number,
  accept: (slot: number) => boolean,
): readonly [first: number, second: number] {
  let first = NONE;
  if (count === 0) return [NONE, NONE];
  for (let draw = 0; draw < DRAWS_MAX; draw++) {
    // The second of two is drawn among the others, so that two nodes are always both looked at.
    const isSecond = first !== NONE && count > 1;
    const drawn = prng.integer(0, count - (isSecond ? 2 : 1));
    const slot = isSecond && drawn >= first ? drawn + 1 : drawn;
    if (slot === first || !accept(slot)) continue;
    if (first !== NONE) return [first, slot];
    first = slot;
  }
  return [first, NONE];
}
