/**
 * The configuration as it is in force, in the shape in which people write it, and for each value where it comes from:
 * the file, a health profile, or a default. What is printed can be saved as `anycastle.yaml` again.
 */
import { isMap, isScalar, isSeq, parseDocument, stringify, type Node } from "yaml";
import { positionOf } from "#core/checked-text/position.ts";
import { gatewaySchema } from "#gateway/config.ts";
import type { OpenedConfig } from "./open.ts";

export interface CompletedConfig {
  readonly document: Readonly<Record<string, unknown>>;
  /** By path of the value: `anycastle.yaml:12`, `profile seed-001`, `default`. */
  readonly sources: ReadonlyMap<string, string>;
}

/** Values that a profile decides unless the file does. */
const FROM_PROFILE: readonly string[] = [
  "health.intervalMs",
  "health.timeoutMs",
  "health.healthyThreshold",
  "health.unhealthyThreshold",
  "retry.perTryTimeoutMs",
  "retry.totalTimeoutMs",
  "hedge.capMs",
];

export function completeConfig(opened: OpenedConfig): CompletedConfig {
  const { config, written } = opened;
  const parsed = gatewaySchema.parse(written);
  const { intervalMs, timeoutMs, healthyThreshold, unhealthyThreshold } = config.health;
  const { perTryTimeoutMs, totalTimeoutMs } = config.retry;
  const document = {
    ...parsed,
    routing: { ...parsed.routing, defaultVantage: config.routing.defaultVantage },
    health: { ...parsed.health, intervalMs, timeoutMs, healthyThreshold, unhealthyThreshold },
    retry: { ...parsed.retry, perTryTimeoutMs, totalTimeoutMs },
    hedge: { ...parsed.hedge, capMs: config.hedge.capMs },
  };
  return { document, sources: sourcesOf(document, opened) };
}

/** As YAML; with `sources`, each value has its source as a comment. */
export function completedYaml({ document, sources }: CompletedConfig, hasSources: boolean): string {
  const text = stringify(document, { lineWidth: 0 });
  if (!hasSources) return text;
  const yaml = parseDocument(text);
  comment(yaml.contents, [], sources);
  return yaml.toString({ lineWidth: 0 });
}

function comment(node: unknown, path: readonly string[], sources: ReadonlyMap<string, string>): void {
  if (isMap(node)) {
    for (const { key, value } of node.items) comment(value, [...path, keyOf(key)], sources);
  } else if (isSeq(node)) {
    for (const [index, item] of node.items.entries()) comment(item, [...path, String(index)], sources);
    if (node.items.length === 0) noteSource(node, path, sources);
  } else if (isScalar(node)) noteSource(node, path, sources);
}

function noteSource(node: Node, path: readonly string[], sources: ReadonlyMap<string, string>): void {
  const source = sources.get(path.join("."));
  if (source !== undefined) node.comment = ` ${source}`;
}

function keyOf(key: unknown): string {
  return isScalar(key) ? String(key.value) : String(key);
}

function sourcesOf(document: unknown, opened: OpenedConfig): Map<string, string> {
  const { yaml, lines, file, config } = opened;
  const sources = new Map<string, string>();
  for (const path of leavesOf(document, [])) {
    const name = path.join(".");
    if (yaml.hasIn(path.map((segment) => (/^\d+$/.test(segment) ? Number(segment) : segment)))) {
      sources.set(name, `${file.name}:${positionOf(yaml, lines, path, "key").line}`);
    } else sources.set(name, FROM_PROFILE.includes(name) ? `profile ${config.health.profile}` : "default");
  }
  return sources;
}

function leavesOf(value: unknown, path: readonly string[]): string[][] {
  if (typeof value !== "object" || value === null) return [[...path]];
  const entries = Object.entries(value).filter(([, child]) => child !== undefined);
  if (entries.length === 0) return [[...path]];
  return entries.flatMap(([key, child]) => leavesOf(child, [...path, key]));
}
