/** Many requests at a node, to see a share of them: how each was answered and how long it took. */
import { Agent, request as httpRequest } from "undici";
import { nowMs } from "#core/host/clock.ts";
import type { EmbeddedNode } from "../embedded-cast.ts";
import type { EmbeddedScene } from "./kind.ts";

const AT_ONCE = 8;
const ASKED_MIN = 20;
const ASKED_MAX = 400;
/** So many of the share are to be expected among those that are asked. */
const EXPECTED = 10;
/** A count that is further from what is expected than by so many standard deviations is no chance (1 in 16,000). */
const SIGMAS = 4;
/** What comes later is not waited for. */
const ANSWER_MS_MAX = 5_000;
/** Sent to be sent back. */
const ECHOED = "0123456789";

export interface Answer {
  /** 0: none came in time. */
  readonly status: number;
  readonly tookMs: number;
  /** It is what was sent. */
  readonly isTrue: boolean;
}

/** Enough to see a share of `percent`. PUT, so that it may be asked of a node that counts executions. */
export async function ask(node: EmbeddedNode, percent: number): Promise<Answer[]> {
  const count = Math.min(ASKED_MAX, Math.max(ASKED_MIN, Math.ceil((EXPECTED * 100) / percent)));
  const agent = new Agent({
    connections: AT_ONCE,
    headersTimeout: ANSWER_MS_MAX,
    bodyTimeout: ANSWER_MS_MAX,
  });
  try {
    return await Promise.all(Array.from({ length: count }, () => askOnce(node, agent)));
  } finally {
    await agent.destroy();
  }
}

/** Throws when `isIt` holds for a share that is too far from `percent`. */
export async function seenShare(
  { nodes }: EmbeddedScene,
  percent: number,
  what: string,
  isIt: (answer: Answer) => boolean,
): Promise<string> {
  const seen: string[] = [];
  for (const node of nodes) {
    const answers = await ask(node, percent);
    const count = answers.filter(isIt).length;
    const expected = (answers.length * percent) / 100;
    const spread = Math.sqrt(expected * (1 - percent / 100));
    const text = `${count} of ${answers.length} answers of ${node.node} ${what}`;
    if (count === 0 || Math.abs(count - expected) > SIGMAS * spread) {
      throw new Error(`${text}, where ${percent} % are expected`);
    }
    seen.push(text);
  }
  return seen.join(", ");
}

/** Throws when `isIt` holds for any. */
export async function seenNone(
  { nodes }: EmbeddedScene,
  what: string,
  isIt: (answer: Answer) => boolean,
): Promise<string> {
  for (const node of nodes) {
    const answers = await ask(node, 100);
    const count = answers.filter(isIt).length;
    if (count > 0) throw new Error(`${count} of ${answers.length} answers of ${node.node} ${what}`);
  }
  return `no answer ${what.replace(/^are/, "is").replace(/^were/, "was")}`;
}

async function askOnce({ url }: EmbeddedNode, dispatcher: Agent): Promise<Answer> {
  const startMs = nowMs();
  try {
    const { statusCode, body } = await httpRequest(`${url}/echo`, {
      method: "PUT",
      body: ECHOED,
      dispatcher,
    });
    const text = await body.text();
    return { status: statusCode, tookMs: nowMs() - startMs, isTrue: statusCode !== 200 || text === ECHOED };
  } catch {
    return { status: 0, tookMs: nowMs() - startMs, isTrue: true };
  }
}
