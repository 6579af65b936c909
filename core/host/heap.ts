/**
 * How a long-lived child may use memory. V8 lets a heap grow for as long as the machine has room: the young generation up
 * to 2 x 16 MiB in steps that may be an hour apart, and the old one to hundreds before it is first collected. That looks
 * like a leak and makes twenty processes costly; what lives long in them is a few megabytes. With these flags memory is
 * flat after a minute. A young generation that is collected more often costs CPU: nothing that shows in a node or a load
 * (send lag of the load was not longer), but 3 to 15 % in a gateway under 600 requests/s (four pairs of runs, two cores). So
 * the gateway has none; its heap is at its full size after ten minutes anyway.
 */
const SMALL_HEAP = [
  "--min-semi-space-size=2",
  "--max-semi-space-size=2",
  "--initial-old-space-size=16",
] as const;

/** Flags of Node for the child that plays this role, before its script. */
export function heapFlags(role: string): readonly string[] {
  return role === "gateway" ? [] : SMALL_HEAP;
}
