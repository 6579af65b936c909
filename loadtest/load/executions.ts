/**
 * Which requests were executed more than once, counted where they are executed: at the nodes. A node that was killed
 * has taken its counts with it, so the number is a lower bound then.
 */
import { get } from "node:http";

const TIMEOUT_MS = 2_000;

/** Keys with more than one execution over all nodes that answer. */
export async function countDuplicates(urls: readonly string[]): Promise<number> {
  const counts = new Map<string, number>();
  for (const keys of await Promise.all(urls.map(executionsAt))) {
    for (const [key, count] of Object.entries(keys)) counts.set(key, (counts.get(key) ?? 0) + count);
  }
  let duplicated = 0;
  for (const count of counts.values()) if (count > 1) duplicated += 1;
  return duplicated;
}

function executionsAt(url: string): Promise<Record<string, number>> {
  return new Promise((resolve) => {
    const request = get(`${url}/executions`, { agent: false, timeout: TIMEOUT_MS }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => resolve(keysIn(Buffer.concat(chunks).toString("utf8"))));
      response.on("error", () => resolve({}));
    });
    request.on("timeout", () => request.destroy(new Error("timeout")));
    request.on("error", () => resolve({}));
  });
}

function keysIn(text: string): Record<string, number> {
  try {
    return (JSON.parse(text) as { keys: Record<string, number> }).keys;
  } catch {
    return {};
  }
}
