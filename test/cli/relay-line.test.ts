import { expect, test } from "vitest";
import type { EventBody } from "#core/wire/events.ts";
import { storyOf } from "../../cli/event-line.ts";

const TOXIC = {
  name: "latency_downstream",
  type: "latency",
  stream: "downstream",
  toxicity: 0.5,
  attributes: { latency: 300, jitter: 50 },
} as const;
const ADDRESSES = { listen: "127.0.0.1:1", upstream: "127.0.0.1:2" } as const;

test.each<[EventBody, string | undefined]>([
  [
    { kind: "relay.toxic", proxy: "ny1-1", state: "added", toxic: TOXIC },
    "relay: ny1-1: latency_downstream added (latency=300 jitter=50 toxicity=0.5)",
  ],
  [
    { kind: "relay.toxic", proxy: "ny1-1", state: "removed", toxic: TOXIC },
    "relay: ny1-1: latency_downstream removed",
  ],
  [
    { kind: "relay.proxy", proxy: "ny1-1", state: "disabled", ...ADDRESSES },
    "relay: proxy ny1-1 is disabled",
  ],
  [{ kind: "relay.proxy", proxy: "ny1-1", state: "enabled", ...ADDRESSES }, undefined],
  [
    { kind: "relay.turned-away", proxy: "ny1-1", reason: "it is full" },
    "relay: ny1-1 turns connections away: it is full",
  ],
])("%j", (event, text) => {
  expect(storyOf(event)?.text).toBe(text);
});
