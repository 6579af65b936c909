/** Worlds that come with the product. Without imports: the command line names them before anything else is loaded. */

/** Before a name: `--world preset:nine-pops`. */
export const PRESET_PREFIX = "preset:";
export const PRESET_NAMES = [
  "nine-pops",
  "book",
  "single",
  "load-balancer",
  "edge-dns",
  "edge-anycast",
] as const;

/** One service as it grew, on which to compare one death. */
export const WAYS_TO_SERVE = [
  "single",
  "load-balancer",
  "edge-dns",
  "edge-anycast",
] as const satisfies readonly PresetName[];

export type PresetName = (typeof PRESET_NAMES)[number];
