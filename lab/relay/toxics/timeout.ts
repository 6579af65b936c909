/**
 * Drops all data, and closes the connection `timeout` ms after the last chunk came (after its start, when none comes): so
 * it is in Toxiproxy's code, whose clock begins anew with each chunk. 0: it never closes by itself. As data is gone, its
 * removal closes the connection; only `blackhole` lets one live on.
 */
import { attributeOf, type Plan, type TimedClosing, type Toxic } from "./toxic.ts";

const DROPPED: Plan = { pieces: [] };

export const timeout: Toxic = {
  type: "timeout",
  attributes: { timeout: "int64" },
  removal: "cut",
  start(attributes, _prng, startMs) {
    const timeoutMs = attributeOf(attributes, "timeout");
    let lastMs = startMs;
    return {
      take(_chunk, nowMs) {
        lastMs = nowMs;
        return DROPPED;
      },
      get deadline(): TimedClosing | undefined {
        return timeoutMs > 0 ? { how: "cut", atMs: lastMs + timeoutMs } : undefined;
      },
    };
  },
};
