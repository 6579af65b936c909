/**
 * `/stats`: the nodes as a table for people, without a script. It asks for nothing else and loads again by itself; every
 * name is text, never markup.
 */
import type { FastifyInstance } from "fastify";
import type { GatewayAdmissionStatus, GatewayNodeStatus, GatewayStatus } from "#core/wire/gateway-status.ts";

const REFRESH_S = 5;
const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const STYLE = `
:root { color-scheme: light dark; --line: #8884; --good: #157a3d; --bad: #c62828; --wait: #a15c00; }
@media (prefers-color-scheme: dark) { :root { --good: #58d68d; --bad: #ff7b72; --wait: #f0b95b; } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
h1 { font-size: 1.3rem; margin: 0 0 .2rem; } p { margin: 0 0 1rem; opacity: .8; }
.table { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
.n { text-align: right; font-variant-numeric: tabular-nums; }
.healthy { color: var(--good); } .ejected, .unhealthy { color: var(--bad); } .draining, .unproven { color: var(--wait); }
`;

export function addStatsPage(server: FastifyInstance, status: () => GatewayStatus): void {
  server.get("/stats", async (_request, reply) => {
    void reply.header("content-security-policy", POLICY).header("cache-control", "no-store");
    void reply.type("text/html; charset=utf-8");
    return statsPage(status());
  });
}

export function statsPage({
  version,
  mode,
  feed,
  isDraining,
  nodes,
  requests,
  admission,
}: GatewayStatus): string {
  const facts = [
    `mode ${mode}`,
    ...(feed === "none" ? [] : [`feed ${feed}`]),
    ...(isDraining ? ["draining"] : []),
    `${requests.total} requests, ${requests.active} under way`,
    ...(admission === null ? [] : [admissionText(admission)]),
    `${requests.failed} failed, ${requests.rescued} rescued, ${requests.retries} retries, ${requests.hedges} hedges, ${requests.resumes} bodies resumed`,
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="${REFRESH_S}"><title>Anycastle gateway</title><style>${STYLE}</style></head>
<body><main><h1>Anycastle gateway ${text(version)}</h1><p>${text(facts.join(" · "))}</p>
<div class="table"><table><thead><tr><th scope="col">site</th><th scope="col">zone</th><th scope="col">node</th>
<th scope="col">labels</th><th scope="col">state</th>
<th scope="col" class="n">weight</th><th scope="col" class="n">active</th><th scope="col" class="n">attempts</th>
<th scope="col" class="n">failures</th><th scope="col">last check</th><th scope="col">address</th></tr></thead>
<tbody>${nodes.map(row).join("")}</tbody></table></div></main></body></html>
`;
}

function admissionText({ active, awaiting, floorMs, limit, phase, waiting }: GatewayAdmissionStatus): string {
  if (phase === "fixed") return `${active} of ${limit} let in at a time, ${waiting} in line`;
  const floor = floorMs === null ? "" : `, ${floorMs.toFixed(1)} ms without a queue`;
  return `${awaiting} of ${limit} without an answer (${phase}${floor}), ${waiting} in line`;
}

function row({
  site,
  zone,
  node,
  labels,
  health,
  weight,
  active,
  attempts,
  failures,
  lastCheck,
  url,
}: GatewayNodeStatus): string {
  const numbers = [weight, active, attempts, failures].map((value) => `<td class="n">${value}</td>`).join("");
  const labelsText = Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");
  return `<tr><td>${text(site)}</td><td>${text(zone ?? "")}</td><th scope="row">${text(node)}</th><td>${text(labelsText)}</td><td class="${health}">${health}</td>${numbers}<td>${text(lastCheck ?? "none yet")}</td><td>${text(url)}</td></tr>`;
}

function text(value: string): string {
  return value
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
