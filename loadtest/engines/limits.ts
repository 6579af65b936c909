/** What each engine can and cannot see of a service, in words, so that two results in one table are not taken for alike. */
import type { EngineName } from "#core/wire/engine-result.ts";

export interface EngineLimits {
  readonly sees: readonly string[];
  readonly cannotSee: readonly string[];
}

export const ENGINE_LIMITS: Readonly<Record<EngineName, EngineLimits>> = {
  builtin: {
    sees: [
      "every request from the moment it was due: a stall is seen in full",
      "its own send lag, and calls the run void when that is too large",
      "which site answered each city, and a record of every request",
    ],
    cannotSee: [
      "more than one process can send: about 5,000 requests/s",
      "POST and fresh connections in a run beside other engines: all send GET on kept connections there",
    ],
  },
  k6: {
    sees: [
      "an open loop: requests start when they are due, or are counted as dropped, which makes the run void",
      "its own thresholds, judged by k6 itself",
    ],
    cannotSee: [
      "the wait before sending: its times count from the first byte sent, without connecting",
      "which site answered a city (its own outputs have the tag `site`; its summary has not)",
      "what a failure was, and POST executed twice",
    ],
  },
  autocannon: {
    sees: ["what the service bears when each connection asks again as soon as it is answered"],
    cannotSee: [
      "a stall: closed loop, coordinated omission. Latencies are those of the requests it dared to send",
      "its rate evenly: it sends a second's share at once at the start of each second",
      "requests lost to a connection that the server closed: it opens another and does not count them",
      "POST executed twice, and what a failure was beyond timeout, socket or status",
    ],
  },
};
