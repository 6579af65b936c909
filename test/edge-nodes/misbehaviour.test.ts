/** What a node does wrong when it is told to, and that it does it right again afterwards. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Misbehaviour } from "#core/wire/misbehaviour.ts";
import { Share } from "#edge-nodes/misbehaviour/share.ts";
import { startNode, untilEvent, type Stand } from "./stand.ts";

let stand: Stand;

beforeAll(async () => {
  stand = await startNode();
  await untilEvent(stand.events, "node.serving", { state: "ready" });
});

afterAll(async () => {
  stand.node.terminate();
  await stand.left;
});

async function become(as: Misbehaviour | null): Promise<void> {
  const from = stand.events.lines.length;
  stand.node.command({ do: "misbehave", as });
  await stand.events.until((event) => event.kind === "node.misbehaving" && event.as?.kind === as?.kind, from);
}

/** Statuses and bodies of so many requests, one after the other; then the node is well again. */
async function answers(as: Misbehaviour, count: number, path = "/"): Promise<string[]> {
  await become(as);
  const seen: string[] = [];
  for (let index = 0; index < count; index++) {
    const answer = await fetch(stand.url + path);
    seen.push(`${answer.status} ${(await answer.text()).slice(0, 5)}`);
  }
  await become(null);
  const after = await fetch(stand.url + path);
  expect(`${after.status} ${(await after.text()).slice(0, 5)}`).toBe("200 ny1-1");
  return seen;
}

test.each([
  [1, 100, 1],
  [33, 100, 33],
  [50, 2, 1],
  [100, 7, 7],
])("a share of %d %% takes of %d exactly %d, spread evenly", (percent, count, taken) => {
  const share = new Share(percent);
  const takes = Array.from({ length: count }, () => share.takes());
  expect(takes.filter(Boolean).length).toBe(taken);
  const gaps = takes
    .join("")
    .split("true")
    .slice(1, -1)
    .map((gap) => gap.length / "false".length);
  expect(Math.max(0, ...gaps) - Math.min(...gaps, Infinity)).toBeLessThanOrEqual(1);
});

test("errors: a share of the answers, none of health", async () => {
  expect(await answers({ kind: "http_error", percent: 50, status: 503 }, 4)).toEqual([
    "200 ny1-1",
    "503 503 a",
    "200 ny1-1",
    "503 503 a",
  ]);
  await become({ kind: "http_error", percent: 100, status: 500 });
  expect((await fetch(`${stand.url}/health/ready`)).status).toBe(200);
  await become(null);
});

test("a wrong byte: status, length and fields are as ever", async () => {
  await become({ kind: "corrupt_body", percent: 100 });
  const spoilt = await fetch(`${stand.url}/bytes?size=200000`);
  const bytes = Buffer.from(await spoilt.arrayBuffer());
  await become(null);
  const whole = await fetch(`${stand.url}/bytes?size=200000`);
  const right = Buffer.from(await whole.arrayBuffer());
  expect([spoilt.status, spoilt.headers.get("etag"), bytes.length]).toEqual([
    200,
    whole.headers.get("etag"),
    200_000,
  ]);
  expect(bytes.findIndex((byte, index) => byte !== right[index])).toBe(0);
  expect(bytes.subarray(1).equals(right.subarray(1))).toBe(true);
});

test("late: nobody is answered before it is over, and then at once; other orders end it too", async () => {
  await become({ kind: "slow_answer", percent: 100, delayMs: 600_000 });
  const slow = fetch(stand.url);
  let isAnswered = false;
  void slow.then(() => (isAnswered = true));
  expect((await fetch(`${stand.url}/health/ready`)).status).toBe(200);
  expect(isAnswered).toBe(false);
  await become({ kind: "http_error", percent: 1, status: 500 });
  expect((await slow).status).toBe(200);
  await become(null);
});

test.each(["cpu", "memory"] as const)("%s: requests are served beside it, and it ends", async (kind) => {
  const as: Misbehaviour = kind === "cpu" ? { kind, percent: 50 } : { kind, bytes: 32 * 1024 * 1024 };
  expect(await answers(as, 3)).toEqual(["200 ny1-1", "200 ny1-1", "200 ny1-1"]);
});
