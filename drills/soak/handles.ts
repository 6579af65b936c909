/**
 * What keeps processes busy, by their own count: the lab's (this process) from Node, the gateway's from its metrics.
 * Simulator and nodes have no such count; their descriptors and wake-ups are looked at from outside.
 */
import { request } from "undici";

const ANSWER_MS_MAX = 5_000;
const LINE = /^nodejs_active_resources\{type="([^"]+)"[^}]*\} (\d+)/gm;

export async function countHandles(gatewayAdminUrl: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) {
    counts.set(`lab ${kind}`, (counts.get(`lab ${kind}`) ?? 0) + 1);
  }
  for (const [, kind, count] of (await metrics(gatewayAdminUrl)).matchAll(LINE)) {
    counts.set(`gateway ${kind}`, Number(count));
  }
  return counts;
}

async function metrics(url: string): Promise<string> {
  const { body } = await request(`${url}/metrics`, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
  return body.text();
}
