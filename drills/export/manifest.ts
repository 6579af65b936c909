/** What the exporters for Kubernetes share: the answer's shape, names, labels and numbers of a fault. */
import { writeDocument } from "../experiment/write-experiment.ts";
import type { FaultOrder } from "../experiment/experiment.ts";
import type { JsonObject } from "../experiment/json.ts";

export interface ManifestExport {
  readonly documents: readonly JsonObject[];
  /** What the manifests say otherwise than the experiment does, one sentence each. */
  readonly notes: readonly string[];
  /** Faults that have no counterpart there. */
  readonly unsupported: readonly { readonly faultId: string; readonly kind: string; readonly why: string }[];
}

export interface ExportOptions {
  /** Of the pods that are hit, and of the manifests. */
  readonly namespace: string;
}

/** RFC 1123 label, short enough for what controllers append. */
const NAME_LENGTH_MAX = 57;

/** One YAML text of all documents, the notes as comments at its head. */
export function manifestText({ documents, notes, unsupported }: ManifestExport): string {
  const said = [
    ...notes,
    ...unsupported.map(({ faultId, kind, why }) => `left out: ${faultId} (${kind}): ${why}`),
  ];
  const head = said.map((note) => `# ${note.replaceAll(/\s+/g, " ")}\n`).join("");
  return head + documents.map((one) => writeDocument(one, "yaml")).join("---\n");
}

export function manifestName(text: string): string {
  const name = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, NAME_LENGTH_MAX)
    .replaceAll(/^-+|-+$/g, "");
  return name === "" ? "drill" : name;
}

/** `app=storefront,tier=web`, `pod:NAMESPACE/SELECTOR` of an imported action, or a plain name, which is the label `app`. */
export function labelsOf(target: string): Record<string, string> {
  const selector = target.startsWith("pod:") ? target.slice(target.indexOf("/") + 1) : target;
  const pairs = selector.split(",").map((pair) => pair.split("="));
  if (pairs.every((pair) => pair.length === 2)) return Object.fromEntries(pairs) as Record<string, string>;
  return { app: selector };
}

/** `gateway>postgres-master`: who is cut off from whom. */
export function linkOf(target: string): readonly [string, string] | undefined {
  const [from, to, more] = target.split(">");
  return from === undefined || to === undefined || to === "" || more !== undefined ? undefined : [from, to];
}

/** A number among the fault's attributes, or what is usual. */
export function attribute({ attributes }: FaultOrder, name: string, fallback: number): number {
  const value = attributes[name];
  return typeof value === "number" ? value : fallback;
}

const BYTES_PER_MB = 1_000_000;
/** Of a memory fault whose target has no known limit. */
const MEMORY_MB_DEFAULT = 1_000;
/** So much more than its limit must make the kernel kill the target. */
const MEMORY_EXCESS = 1.1;

/** What a memory fault takes, whole megabytes: by the target's limit, else as asked. */
export function memoryMb(fault: FaultOrder): number {
  const limitBytes = attribute(fault, "limitBytes", 0);
  const sizeBytes = attribute(fault, "sizeBytes", MEMORY_MB_DEFAULT * BYTES_PER_MB);
  return Math.ceil((limitBytes > 0 ? limitBytes * MEMORY_EXCESS : sizeBytes) / BYTES_PER_MB);
}
