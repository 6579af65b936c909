/**
 * Of how many runs the published rows are medians, and the recorded intervals of them. Without imports: the command line
 * names them before anything else is loaded.
 */
export const BEACON_RUNS = 20;
/** For each of the sites that are withdrawn. */
export const ANYCAST_RUNS_EACH = 5;
