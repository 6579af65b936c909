/** The ways in which a node, or all nodes of a site at once, can be made to fail. */
export const FAULT_HOWS = ["shutdown", "kill", "hang", "isolate", "bgp-cut"] as const;

export type FaultHow = (typeof FAULT_HOWS)[number];

/** One sentence each, for help texts and the page. */
export const FAULT_MEANING: Readonly<Record<FaultHow, string>> = {
  shutdown: "SIGTERM: GRACEFUL_SHUTDOWN, serve until the traffic has gone, withdraw, exit",
  kill: "SIGKILL: the process is gone, the kernel closes its sockets",
  hang: "SIGSTOP: the process is frozen, the kernel still accepts connections for it",
  isolate: "a pulled cable: the process lives, every socket of it goes silent both ways",
  "bgp-cut": "only its BGP goes silent; HTTP lives",
};
