/**
 * What a new configuration changes, as people read it: every value by its path, sites and nodes by their ids, whatever their
 * place in the list. Pure.
 */
export interface ConfigChange {
  /** `health.intervalMs`, `sites.ny1.nodes.ny1-2`. */
  readonly path: string;
  /** As JSON; undefined: it was not there, or is not there any more. */
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** What is bound or built when the process starts. */
export const RESTART_PATHS: readonly string[] = [
  "listen.host",
  "listen.port",
  "admin",
  "admin.host",
  "admin.port",
  "limits.headerBytesMax",
  "proxyProtocol",
  "tls",
  "tls.minVersion",
  "resolver.kind",
  "resolver.servers",
  "resolver.timeoutMs",
  "tracing",
  "tracing.otlp.endpoint",
  "tracing.sampleRatio",
  "tracing.serviceName",
];

export function changesOf(before: unknown, after: unknown, path = ""): ConfigChange[] {
  if (Object.is(before, after)) return [];
  const [from, to] = [partsOf(before), partsOf(after)];
  if (from === undefined || to === undefined) {
    const [was, is] = [textOf(before), textOf(after)];
    return was === is ? [] : [{ path, before: was, after: is }];
  }
  const keys = new Set([...from.keys(), ...to.keys()]);
  return [...keys].flatMap((key) =>
    changesOf(from.get(key), to.get(key), path === "" ? key : `${path}.${key}`),
  );
}

/** The members of an object, or of a list of things with ids; undefined: a value that is compared as a whole. */
function partsOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (value instanceof Set) return undefined;
  if (value instanceof Map) return value;
  if (!Array.isArray(value)) return new Map(Object.entries(value));
  if (value.length === 0 || !value.every(hasId)) return undefined;
  return new Map(value.map((member) => [member.id, member]));
}

/** JSON knows neither sets nor maps, and would call them empty. */
function textOf(value: unknown): string | undefined {
  return JSON.stringify(value, (_key, part: unknown) =>
    part instanceof Set ? [...part] : part instanceof Map ? Object.fromEntries(part) : part,
  );
}

function hasId(member: unknown): member is { readonly id: string } {
  return typeof member === "object" && member !== null && "id" in member && typeof member.id === "string";
}
