/** `/metrics`: the gateway's counters in Prometheus' text format, read through prom-client's `collect()` at a scrape. */
import { CACHE_RESULTS } from "../cache/cache-status.ts";
import { SEVERITIES } from "../health/severity.ts";
import type { ResponseCache } from "../cache/response-cache.ts";
import { collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";
import type { NodeHealth } from "#core/wire/events.ts";
import type { GatewayAdmissionStatus } from "#core/wire/gateway-status.ts";
import { SPILL_RESULTS } from "../forward/spill-store.ts";
import type { Fleet } from "../forward/fleet.ts";
import { BREAKER_STATES, type CircuitBreaker } from "../resilience/breaker/breaker.ts";
import { registerHistogram } from "./histogram.ts";
import {
  ATTEMPT_OUTCOMES,
  CHECK_RESULTS,
  REQUEST_OUTCOMES,
  TURNED_AWAY,
  type Telemetry,
} from "./telemetry.ts";
import { SPAN_RESULTS, type SpanCounts } from "./tracing/otlp.ts";

const STATES: readonly NodeHealth[] = ["unproven", "healthy", "unhealthy", "ejected", "draining"];

export interface MetricsSources {
  /** Of the configuration in force. */
  readonly fleet: () => Fleet;
  readonly telemetry: Telemetry;
  readonly cache: () => ResponseCache | undefined;
  readonly admission: () => GatewayAdmissionStatus | null;
  /** Present where requests are traced. */
  readonly spans: Readonly<SpanCounts> | undefined;
  readonly version: string;
  /** Share of the retry budget that is left. */
  readonly retryBudgetRatio: () => number;
  /** Absent where sites have none. */
  readonly breakers: () => readonly CircuitBreaker[];
}

export function createRegistry(sources: MetricsSources): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  addRequests(registry, sources);
  addHealth(registry, sources);
  addAttempts(registry, sources);
  addBreakers(registry, sources.breakers);
  addReloads(registry, sources.telemetry);
  gauge(registry, "anycastle_tunnels_active", "WebSocket tunnels that stand.", [], (set) =>
    set({}, sources.telemetry.tunnels),
  );
  counter(registry, "anycastle_tunnels_total", "WebSocket tunnels that were opened.", [], (add) =>
    add({}, sources.telemetry.tunnelsOpened),
  );
  counter(
    registry,
    "anycastle_access_log_lines_total",
    "Lines of the access log; dropped: it could not keep up, or cannot be written.",
    ["result"],
    (add) => {
      const { written, dropped } = sources.telemetry.logLines;
      add({ result: "written" }, written);
      add({ result: "dropped" }, dropped);
    },
  );
  addCache(registry, sources);
  const { spans } = sources;
  if (spans !== undefined) {
    counter(
      registry,
      "anycastle_trace_spans_total",
      "Spans for the collector; dropped: it could not keep up.",
      ["result"],
      (add) => {
        for (const result of SPAN_RESULTS) add({ result }, spans[result]);
      },
    );
  }
  addAdmission(registry, sources);
  addSpill(registry, sources.telemetry);
  return registry;
}

function addAdmission(registry: Registry, { admission, telemetry }: MetricsSources): void {
  counter(
    registry,
    "anycastle_admission_refused_total",
    "Requests and connections turned away before a node was asked.",
    ["reason"],
    (add) => {
      for (const reason of TURNED_AWAY) add({ reason }, telemetry.turnedAwayFor(reason));
    },
  );
  gauge(
    registry,
    "anycastle_admission_limit",
    "Requests that may be under way, or wait for a head where the limit follows; 0: any number.",
    [],
    (set) => set({}, admission()?.limit ?? 0),
  );
  gauge(registry, "anycastle_admission_active", "Requests under way, where only so many may be.", [], (set) =>
    set({}, admission()?.active ?? 0),
  );
  gauge(registry, "anycastle_admission_awaiting", "Of those, requests without a response head.", [], (set) =>
    set({}, admission()?.awaiting ?? 0),
  );
  gauge(registry, "anycastle_admission_waiting", "Requests in line.", [], (set) =>
    set({}, admission()?.waiting ?? 0),
  );
  gauge(
    registry,
    "anycastle_admission_floor_seconds",
    "What nodes take to a response head without a queue, as far as `gradient` knows; 0: not known.",
    [],
    (set) => set({}, (admission()?.floorMs ?? 0) / 1_000),
  );
}

function addSpill(registry: Registry, { spill }: Telemetry): void {
  gauge(
    registry,
    "anycastle_body_spill_bytes",
    "Bytes of request bodies that are kept on a disk.",
    [],
    (set) => set({}, spill.bytes),
  );
  counter(
    registry,
    "anycastle_body_spills_total",
    "Request bodies that went to a disk (kept), found no room there (full), or were lost there (failed).",
    ["result"],
    (add) => {
      for (const result of SPILL_RESULTS) add({ result }, spill[result]);
    },
  );
}

function addCache(registry: Registry, { cache, telemetry }: MetricsSources): void {
  counter(
    registry,
    "anycastle_cache_requests_total",
    "Requests by what the cache did: `hit`, `collapsed` (waited for the same), `revalidated`, `stale`, `miss`, `bypass`.",
    ["result"],
    (add) => {
      for (const result of CACHE_RESULTS) add({ result }, telemetry.cachedFor(result));
    },
  );
  gauge(registry, "anycastle_cache_bytes", "Bytes of answers that are kept.", [], (set) =>
    set({}, cache()?.store.bytes ?? 0),
  );
  gauge(
    registry,
    "anycastle_cache_waiting",
    "Requests that wait for the answer to the same one.",
    [],
    (set) => set({}, cache()?.waiting ?? 0),
  );
  gauge(registry, "anycastle_cache_entries", "Answers that are kept.", [], (set) =>
    set({}, cache()?.store.count ?? 0),
  );
  counter(
    registry,
    "anycastle_cache_evictions_total",
    "Answers that went to make room for others.",
    [],
    (add) => add({}, cache()?.store.evictions ?? 0),
  );
}

function addRequests(registry: Registry, { fleet, telemetry, version }: MetricsSources): void {
  gauge(registry, "anycastle_build_info", "Constant 1, labelled with the version.", ["version"], (set) =>
    set({ version }, 1),
  );
  registerHistogram(
    registry,
    "http_server_request_duration_seconds",
    "From the request's head to the last byte of the answer.",
    () => telemetry.durations(),
  );
  gauge(registry, "http_server_active_requests", "Requests in progress.", [], (set) =>
    set({}, telemetry.active),
  );
  counter(
    registry,
    "anycastle_requests_total",
    "Requests by the site and node that answered and by outcome.",
    ["route", "node", "outcome"],
    (add) => {
      for (const outcome of REQUEST_OUTCOMES) {
        for (const node of fleet().nodes) {
          add({ route: node.site, node: node.id, outcome }, telemetry.requests(node.slot, outcome));
        }
        add({ route: "", node: "", outcome }, telemetry.requests(-1, outcome));
      }
    },
  );
  registerHistogram(
    registry,
    "anycastle_ttfb_seconds",
    "From the request's head to the first byte of the answer.",
    () => telemetry.ttfbs(),
  );
  registerHistogram(
    registry,
    "anycastle_gateway_overhead_seconds",
    "Time to first byte less the node's time and emulated travel, of requests with one attempt.",
    () => [[{}, telemetry.overhead]],
  );
}

function addHealth(registry: Registry, { fleet, telemetry }: MetricsSources): void {
  gauge(registry, "anycastle_node_up", "1 while the node takes new requests.", ["node"], (set) => {
    for (const node of fleet().nodes) set({ node: node.id }, fleet().board.isEligible(node.index) ? 1 : 0);
  });
  gauge(registry, "anycastle_node_state", "1 for the state the node is in.", ["node", "state"], (set) => {
    for (const node of fleet().nodes) {
      const health = fleet().board.health(node.index);
      for (const state of STATES) set({ node: node.id, state }, state === health ? 1 : 0);
    }
  });
  counter(
    registry,
    "anycastle_health_checks_total",
    "Active checks, and what real traffic said (kind passive).",
    ["node", "kind", "result"],
    (add) => {
      for (const node of fleet().nodes) {
        for (const result of CHECK_RESULTS) {
          add({ node: node.id, kind: "active", result }, telemetry.checks(node.slot, result));
        }
        for (const result of ["refused", "reset", "timeout", "hedged"] as const) {
          add({ node: node.id, kind: "passive", result }, telemetry.attempts(node.slot, result));
        }
      }
    },
  );
}

function addAttempts(registry: Registry, { fleet, telemetry, retryBudgetRatio }: MetricsSources): void {
  counter(
    registry,
    "anycastle_upstream_attempts_total",
    "Attempts by how they ended; `hedged`: another node answered first.",
    ["node", "outcome"],
    (add) => {
      for (const node of fleet().nodes) {
        for (const outcome of ATTEMPT_OUTCOMES) {
          add({ node: node.id, outcome }, telemetry.attempts(node.slot, outcome));
        }
      }
    },
  );
  counter(registry, "anycastle_retries_total", "Further attempts by reason.", ["reason"], (add) => {
    for (const [reason, count] of telemetry.retriesByReason) add({ reason }, count);
    add({ reason: "hedge" }, telemetry.hedges);
  });
  counter(
    registry,
    "anycastle_resumed_responses_total",
    "Half-sent responses that another node completed, by Range.",
    [],
    (add) => add({}, telemetry.resumes),
  );
  counter(
    registry,
    "anycastle_node_changes_total",
    "Changes of nodes' states by what they mean for the site: `critical` (nobody is left), `major` (half or less), `minor`, `info` (back, or by order).",
    ["severity"],
    (add) => {
      for (const severity of SEVERITIES) add({ severity }, telemetry.nodeChanges[severity]);
    },
  );
  counter(
    registry,
    "anycastle_interim_responses_total",
    "Interim responses (1xx) of nodes; dropped: one request had too many, another answer went first, or they may not be written.",
    ["result"],
    (add) => {
      for (const [result, count] of Object.entries(telemetry.interims)) add({ result }, count);
    },
  );
  gauge(registry, "anycastle_retry_budget_remaining_ratio", "Share of the retry budget left.", [], (set) =>
    set({}, retryBudgetRatio()),
  );
  counter(
    registry,
    "anycastle_failovers_total",
    "Requests answered by another site than the one they were for.",
    ["from", "to", "reason"],
    (add) => {
      for (const [key, count] of telemetry.failovers) {
        const [from = "", to = "", reason = ""] = key.split(" ");
        add({ from, to, reason }, count);
      }
    },
  );
  counter(
    registry,
    "anycastle_zone_crossed_total",
    "Requests answered by a node of another zone than the gateway's own.",
    ["zone"],
    (add) => {
      for (const [zone, count] of telemetry.zonesCrossed) add({ zone }, count);
    },
  );
  counter(
    registry,
    "anycastle_subset_fallbacks_total",
    "Requests for a subset of the nodes that its fallback answered.",
    ["subset"],
    (add) => {
      for (const [subset, count] of telemetry.subsetsLeft) add({ subset }, count);
    },
  );
}

function addReloads(registry: Registry, telemetry: Telemetry): void {
  counter(registry, "anycastle_config_reloads_total", "Reloads of the configuration.", ["result"], (add) => {
    add({ result: "applied" }, telemetry.reloads);
    add({ result: "refused" }, telemetry.reloadsFailed);
  });
  gauge(
    registry,
    "anycastle_config_last_reload_successful",
    "1 while the configuration in force is the last that was tried.",
    [],
    (set) => set({}, telemetry.isLastReloadGood ? 1 : 0),
  );
}

function addBreakers(registry: Registry, breakers: MetricsSources["breakers"]): void {
  gauge(
    registry,
    "anycastle_circuit_breaker_state",
    "1 for the state a breaker is in: of a site, or of the collector of traces.",
    ["breaker", "state"],
    (set) => {
      for (const breaker of breakers()) {
        for (const state of BREAKER_STATES)
          set({ breaker: breaker.name, state }, state === breaker.state ? 1 : 0);
      }
    },
  );
  counter(
    registry,
    "anycastle_circuit_breaker_transitions_total",
    "How often a breaker entered a state.",
    ["breaker", "to"],
    (add) => {
      for (const breaker of breakers()) {
        for (const to of BREAKER_STATES) add({ breaker: breaker.name, to }, breaker.entered(to));
      }
    },
  );
}

type Publish = (labels: Record<string, string>, value: number) => void;

function counter(
  registry: Registry,
  name: string,
  help: string,
  labelNames: string[],
  publish: (add: Publish) => void,
): void {
  const metric: Counter = new Counter({
    name,
    help,
    labelNames,
    registers: [registry],
    collect: () => {
      metric.reset();
      publish((labels, value) => metric.inc(labels, value));
    },
  });
}

function gauge(
  registry: Registry,
  name: string,
  help: string,
  labelNames: string[],
  publish: (set: Publish) => void,
): void {
  const metric: Gauge = new Gauge({
    name,
    help,
    labelNames,
    registers: [registry],
    collect: () => publish((labels, value) => metric.set(labels, value)),
  });
}
