/** What BFD is between hosts where nobody says otherwise: ports of RFC 5881 §4, intervals that give no false alarm. */
export const BFD_DEFAULTS = {
  /** Where a speaker listens. */
  port: 3784,
  /** First of the ports that packets may come from. */
  sourcePort: 49_152,
  /** Sent and received this often. */
  intervalMs: 100,
  detectMultiplier: 3,
} as const;
