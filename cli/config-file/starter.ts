/** The commented configuration that `anycastle config init` writes: small enough to read, complete enough to run. */

/** `schema`: where an editor finds the JSON Schema, a path or URL. */
export function starterConfig(schema: string): string {
  return `# yaml-language-server: $schema=${schema}
# Anycastle gateway. \`anycastle config validate\` checks this file, \`anycastle config print --sources\` shows it with
# everything that is filled in, \`anycastle gateway\` runs it.

# Where clients connect.
listen: 127.0.0.1:8080
# Where status, metrics, health and drains are served, or "off".
admin: 127.0.0.1:8082

# Your sites and the servers in them. Two nodes or more survive the loss of one. A weight is a share: 100 is usual,
# 0 gets no new requests.
sites:
  - id: fra
    nodes:
      - id: fra-1
        url: http://127.0.0.1:9001
      - id: fra-2
        url: http://127.0.0.1:9002
  - id: nyc
    nodes:
      - id: nyc-1
        url: http://127.0.0.1:9003
      - id: nyc-2
        url: http://127.0.0.1:9004
        weight: 50

# Which site serves whom. Without this, sites are used in the order written above.
# routing:
#   mode: nearest
#   vantages: [berlin, boston]
#   vantageHeader: x-vantage
# catchment:
#   fixed:
#     berlin: [{ site: fra, rttMs: 9 }, { site: nyc, rttMs: 85 }]
#     boston: [{ site: nyc, rttMs: 6 }, { site: fra, rttMs: 80 }]

health:
  # seed-001: every 5 s, out after 3 failures, back after 2 successes. A refused or reset connection counts at once.
  profile: seed-001
  path: /health

# retry:
#   attemptsMax: 4
# hedge:
#   isEnabled: true
`;
}
