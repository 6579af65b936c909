/**
 * For how long a client waits for a response head, where it may say so (`retry.deadlineHeader`): whole milliseconds, as in
 * Envoy's `x-envoy-expected-rq-timeout-ms`. It can only have less than everybody has, so nobody needs to be trusted. What is no
 * number from 1 on says nothing; of several the least counts. The node gets the field as it came.
 */
const NUMBER = /^[1-9]\d{0,9}$/;

/** `fields`: names and values in turn. `name` in lower case. Milliseconds, at most `totalTimeoutMs`. */
export function clientDeadlineMs(fields: readonly string[], name: string, totalTimeoutMs: number): number {
  let leastMs = totalTimeoutMs;
  for (let index = 0; index < fields.length; index += 2) {
    const value = fields[index + 1]!;
    if (fields[index]!.length !== name.length || fields[index]!.toLowerCase() !== name) continue;
    if (NUMBER.test(value)) leastMs = Math.min(leastMs, Number(value));
  }
  return leastMs;
}
