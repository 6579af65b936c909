/** Everything of the gateway that reaches its nodes, so that the network under it can be another one. */
import { openNodeCheck, type OpenNodeCheck } from "./checks/check.ts";
import { openNodeClient, type OpenNodeClient } from "./forward/node-client.ts";

export interface Transport {
  /** For requests. */
  readonly openClient: OpenNodeClient;
  /** For active checks. */
  readonly openCheck: OpenNodeCheck;
}

export const SOCKETS: Transport = { openClient: openNodeClient, openCheck: openNodeCheck };
