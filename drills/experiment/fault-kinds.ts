/**
 * The kinds of faults an experiment may name, and the aliases that mean one of them. Which of them a driver can carry is
 * the registry's word; an unknown kind is a mistake in the file, whatever runs it.
 */
export const FAULT_KINDS = [
  "service_crash",
  "node_stop",
  "hang",
  "network_delay",
  "loss",
  "bandwidth",
  "reset",
  "blackhole",
  "slow_drip",
  "slow_close",
  "limit_data",
  "http_error",
  "corrupt_body",
  "cpu_stress",
  "memory_leak",
  "disk_full",
  "disk_fail",
  "fd_exhaustion",
  "connection_pool_exhaustion",
  "dns_fail",
  "clock_skew",
  "bad_config",
  "bad_release",
  "config_change",
  "route_delete",
  "upstream_timeout",
  "database_slow",
  "store_crash",
  "partition",
  "link_down",
  "bgp_withdraw",
  "bgp_flap",
  "bgp_hang",
  "region_outage",
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

export const FAULT_ALIASES: Readonly<Record<string, FaultKind>> = {
  node_crash: "service_crash",
  node_hang: "hang",
  latency: "network_delay",
  cpu: "cpu_stress",
  memory: "memory_leak",
  store_slow: "database_slow",
};

/** The kind that `word` means, or undefined. */
export function faultKind(word: string): FaultKind | undefined {
  return (
    FAULT_KINDS.find((kind) => kind === word) ??
    (Object.hasOwn(FAULT_ALIASES, word) ? FAULT_ALIASES[word] : undefined)
  );
}
