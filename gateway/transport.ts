/** Everything of the gateway that reaches its nodes, so that the network under it can be another one. */
import type { LookupFunction } from "node:net";
import { openNodeCheck, type OpenNodeCheck } from "./checks/check.ts";
import { openNodeClient, type OpenNodeClient } from "./forward/node-client.ts";

export interface Transport {
  /** For requests. */
  readonly openClient: OpenNodeClient;
  /** For active checks. */
  readonly openCheck: OpenNodeCheck;
}

/** Sockets. `lookup`: in place of the system's way from names to addresses. */
export function socketsWith(lookup: LookupFunction | undefined): Transport {
  return {
    openClient: (origin, options) => openNodeClient(origin, options, lookup),
    openCheck: (origin, clock, rules, tls) => openNodeCheck(origin, clock, rules, tls, lookup),
  };
}
