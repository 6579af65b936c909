/**
 * Side effects done twice: after a run the nodes are asked which request keys they executed, and keys of this run that
 * were executed more than once, over all nodes, are counted. A node that does not answer, or that was restarted and has
 * forgotten, cannot testify; who did not is part of the answer.
 */
import { z } from "zod";
import { messageOf } from "#core/errors.ts";

const ASK_TIMEOUT_MS = 3_000;

const reportSchema = z.object({
  keys: z.record(z.string(), z.number()),
  forgotten: z.number(),
});

export interface Duplicates {
  readonly duplicated: number;
  /** One sentence for each node that could not say everything. */
  readonly gaps: readonly string[];
}

/** Keys of the run begin with `keyPrefix`. All nodes are asked at once. */
export async function countDuplicates(urls: readonly string[], keyPrefix: string): Promise<Duplicates> {
  const gaps: string[] = [];
  const executions = new Map<string, number>();
  const answers = await Promise.allSettled(urls.map((url) => askExecutions(url)));
  for (const [index, answer] of answers.entries()) {
    if (answer.status === "rejected") {
      gaps.push(`${urls[index]} did not tell its executions: ${messageOf(answer.reason)}`);
      continue;
    }
    if (answer.value.forgotten > 0) {
      gaps.push(`${urls[index]} has forgotten ${answer.value.forgotten} request keys`);
    }
    for (const [key, count] of Object.entries(answer.value.keys)) {
      if (key.startsWith(keyPrefix)) executions.set(key, (executions.get(key) ?? 0) + count);
    }
  }
  const duplicated = [...executions.values()].filter((count) => count > 1).length;
  return { duplicated, gaps };
}

async function askExecutions(url: string): Promise<z.infer<typeof reportSchema>> {
  const response = await fetch(new URL("/executions", url), { signal: AbortSignal.timeout(ASK_TIMEOUT_MS) });
  if (!response.ok) throw new Error(`status ${response.status}`);
  return reportSchema.parse(await response.json());
}
