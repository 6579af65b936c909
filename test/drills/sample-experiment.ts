/** An experiment with a part of everything, as a drill's author would write it; tests change lines of it. */
export const SAMPLE = `title: New York falls, nobody notices
description: One node of ny1 is killed under load.
tags: [node, kill]
contributions: {availability: high}
configuration:
  anycastle_control: {type: env, key: ANYCASTLE_CONTROL, default: "http://127.0.0.1:8081"}
  gateway: http://127.0.0.1:8080
  target: ny1-1
secrets:
  anycastle:
    anycastle_token: {type: env, key: ANYCASTLE_TOKEN}
steady-state-hypothesis:
  title: The gateway answers New York
  probes:
    - type: probe
      name: gateway-answers
      tolerance: 200
      provider:
        type: http
        url: \${gateway}/
        headers: {Host: new-york.localhost}
        timeout: 2
    - type: probe
      name: served-by-a-site
      tolerance: {type: regex, target: body, pattern: "[a-z]+\\\\d"}
      provider: {type: http, url: "\${gateway}/", timeout: [0.5, 2]}
method:
  - type: action
    name: kill ny1-1
    provider:
      type: http
      url: \${anycastle_control}/api/v1/faults
      method: POST
      headers: {Content-Type: application/json, Authorization: "Bearer \${anycastle_token}"}
      arguments: {id: ny1-crash, kind: node_crash, target: "\${target}", ttlMs: 30000}
    pauses: {after: 5}
  - ref: gateway-answers
rollbacks:
  - type: action
    name: revive ny1-1
    provider:
      type: http
      url: \${anycastle_control}/api/v1/faults/ny1-crash
      method: DELETE
      headers: {Authorization: "Bearer \${anycastle_token}"}
runtime:
  rollbacks: {strategy: always}
extensions:
  - name: somebody-else
    anything: [1, {goes: here}]
  - name: anycastle
    blastRadius: {mode: one, maxTrafficShare: 0.15}
    stopConditions:
      - {source: slo-burn-rate, slo: storefront-availability, window: 30s, above: 14.4}
      - {source: probe, ref: gateway-answers, consecutiveFailures: 3}
      - {source: control-variable, metric: error_ratio, maxDelta: 0.02, minSamples: 200}
    probes: {gateway-answers: {mode: Continuous, pollMs: 500, retry: 1}}
    stages: [{intensity: 0.5, hold: 10s}, {intensity: 1, hold: 1m30s}]
    load: {rate: 1000, duration: 60s, keepAlive: 0.5}
    cohorts: {share: 0.05}
    expect: {maxFailed: 0, mttdMs: 250, rerouteMs: 500}
`;

/** The sample with the first place of \`what\` replaced; it must be there. */
export function sampleWith(what: string, by: string): string {
  if (!SAMPLE.includes(what)) throw new Error(`the sample has no ${what}`);
  return SAMPLE.replace(what, () => by);
}
