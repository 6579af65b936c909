/**
 * Where in a YAML text a path of the parsed document stands, so that an error about `sites.0.nodes` can point at it.
 * A path that leads nowhere (a required key that is missing) stands where its nearest ancestor does.
 */
import { isMap, isPair, isScalar, isSeq, type Document, type LineCounter, type Node } from "yaml";

export interface Position {
  /** Both from 1. */
  readonly line: number;
  readonly column: number;
}

/** `part`: what is wrong is the key itself (an unknown one) or what stands behind it. */
export function positionOf(
  document: Document,
  lines: LineCounter,
  path: readonly string[],
  part: "key" | "value",
): Position {
  return positionAt(lines, offsetOf(document, path, part));
}

export function positionAt(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

function offsetOf(document: Document, path: readonly string[], part: "key" | "value"): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const [depth, segment] of path.entries()) {
    const isLast = depth === path.length - 1;
    if (isMap(node)) {
      const pair = node.items.find(
        ({ key }) => (isScalar(key) ? String(key.value) : String(key)) === segment,
      );
      if (!isPair(pair)) return offset;
      const keyOffset = startOf(pair.key) ?? offset;
      offset = isLast && part === "key" ? keyOffset : (startOf(pair.value) ?? keyOffset);
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(segment)];
      offset = startOf(node) ?? offset;
    } else return offset;
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}
