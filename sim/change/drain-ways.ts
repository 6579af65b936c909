/** How a site may ask its clients to leave. Without imports: the command line names them before anything else is loaded. */
export const DRAIN_WAYS = ["graceful-shutdown", "prepend", "withdraw"] as const;
export type DrainWay = (typeof DRAIN_WAYS)[number];
