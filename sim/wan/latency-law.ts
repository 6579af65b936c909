/**
 * How long a request takes over a wide-area network, in microseconds, as the sum of its round trips:
 *
 *   cold HTTPS request  TCP handshake + TLS 1.3 + request = think time + 3 RTT
 *   warm connection     request                           = think time + 1 RTT
 *
 * Left out: DNS, TLS 1.2 (one more RTT), a lost SYN (one second), the last mile.
 */
export const COLD_ROUND_TRIPS = 3;

export function coldTtfbUs(thinkUs: number, rttUs: number): number {
  return thinkUs + COLD_ROUND_TRIPS * rttUs;
}
