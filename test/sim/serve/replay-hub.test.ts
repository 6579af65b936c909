/** The server of a recording: each viewer has a moment of his own, forwards and backwards. */
import { request, type IncomingMessage } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createControlServer } from "#core/host/control-server.ts";
import type { ReplayFrame, ReplayOpening } from "#core/wire/replay.ts";
import { TIMING_SETS } from "#sim/propagation/timing-sets.ts";
import { RecordedStory } from "#sim/recording/moments.ts";
import { Replay } from "#sim/recording/replay.ts";
import { ReplayHub } from "#sim/serve/replay-hub.ts";
import { playRandomly, read } from "../recording/play.ts";

const { graph, lines } = playRandomly(4, TIMING_SETS["no-mrai"]);
const story = new RecordedStory(new Replay(read(lines), graph));
const { endUs } = story.replay.recording;
const hub = new ReplayHub(story, { version: "1.2.3", modelLimits: "it knows little" });
const server = createControlServer({ token: "t".repeat(32) });
let url: string;

beforeAll(async () => {
  hub.addTo(server);
  url = await server.listen({ host: "127.0.0.1", port: 0 });
});

afterAll(async () => {
  hub.close();
  await server.close();
});

interface Message {
  readonly event: string;
  readonly data: unknown;
}

/** Server-sent events until `isEnough` or the end of the stream. */
function listen(path: string, isEnough: (messages: readonly Message[]) => boolean): Promise<Message[]> {
  return new Promise((resolve, reject) => {
    const messages: Message[] = [];
    let pending = "";
    const outgoing = request(`${url}${path}`, (response: IncomingMessage) => {
      response.setEncoding("utf8").on("data", (text: string) => {
        const parts = (pending + text).split("\n\n");
        pending = parts.pop()!;
        for (const part of parts) {
          const [, event, data] = /^event: (\w+)\ndata: (.*)$/s.exec(part) ?? [];
          if (event !== undefined) messages.push({ event, data: JSON.parse(data!) });
        }
        if (isEnough(messages)) {
          response.destroy();
          resolve(messages);
        }
      });
      response.on("end", () => resolve(messages));
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}

async function frameAt(atUs: number): Promise<ReplayFrame> {
  return (await (await fetch(`${url}/api/v1/replay/frame?at=${atUs}`)).json()) as ReplayFrame;
}

test("the stream opens with what the recording is", async () => {
  const [message] = await listen("/api/v1/stream", (messages) => messages.length > 0);
  expect(message!.event).toBe("replay");
  const opening = message!.data as ReplayOpening;
  expect(opening).toMatchObject({
    schema: "anycastle.replay/v1",
    version: "1.2.3",
    title: "sites come and go",
    endUs,
    ases: graph.vertexCount,
    affected: story.affected.length,
    modelLimits: "it knows little",
  });
  expect(opening.sites.length).toBe(5);
  expect(opening.sites[0]).toMatchObject({ latitude: null, city: null });
});

test("a frame is the state of its moment, in whatever order they are asked for", async () => {
  for (const atUs of [endUs, 0, Math.floor(endUs / 2), 17, endUs]) {
    expect(await frameAt(atUs)).toEqual(story.at(atUs));
  }
});

test("it plays to the end, and backwards to the start, and stops there", async () => {
  const isEnd = (messages: readonly Message[]): boolean => messages.at(-1)?.event === "end";
  const fromUs = endUs - 100_000;
  const forwards = await listen(`/api/v1/replay/stream?at=${fromUs}&speed=1`, isEnd);
  const times = forwards
    .filter(({ event }) => event === "frame")
    .map(({ data }) => (data as ReplayFrame).atUs);
  expect([times[0], times.at(-1)]).toEqual([fromUs, endUs]);
  expect(times).toEqual([...times].sort((a, b) => a - b));
  const backwards = await listen("/api/v1/replay/stream?at=200000&speed=-2", isEnd);
  const back = backwards
    .filter(({ event }) => event === "frame")
    .map(({ data }) => (data as ReplayFrame).atUs);
  expect([back[0], back.at(-1)]).toEqual([200_000, 0]);
  expect(back).toEqual([...back].sort((a, b) => b - a));
  expect(backwards.findLast(({ event }) => event === "frame")!.data).toEqual(story.at(0));
});

test.each([
  ["frame?at=-1", "at=-1 is no moment of this recording"],
  ["frame?at=1e3", "at=1e3 is no moment"],
  [`frame?at=${endUs + 1}`, "is no moment of this recording"],
  ["stream?at=0&speed=0", "speed=0 is no speed"],
  ["stream?at=0&speed=fast", "speed=fast is no speed"],
  ["stream?at=0&speed=1001", "speed=1001 is no speed"],
])("%s is refused with a sentence", async (path, says) => {
  const reply = await fetch(`${url}/api/v1/replay/${path}`);
  expect(reply.status).toBe(400);
  expect(await reply.text()).toContain(says);
});

test("viewers are counted, bounded, and forgotten when they go", async () => {
  const open: Promise<Message[]>[] = [];
  let isLeaving = false;
  const gates: (() => void)[] = [];
  for (let viewer = 0; viewer < 16; viewer++) {
    open.push(
      new Promise((resolve) => {
        const outgoing = request(`${url}/api/v1/stream`, (response) => {
          response.resume();
          gates.push(() => response.destroy());
          response.on("close", () => resolve([]));
        });
        outgoing.on("error", () => expect(isLeaving).toBe(true));
        outgoing.end();
      }),
    );
  }
  await expect.poll(() => hub.viewerCount).toBe(16);
  await expect.poll(() => gates.length).toBe(16);
  const refused = await fetch(`${url}/api/v1/replay/stream?at=0&speed=1`);
  expect([refused.status, await refused.text()]).toEqual([
    503,
    expect.stringContaining("16 pages watch already"),
  ]);
  isLeaving = true;
  for (const leave of gates) leave();
  await Promise.all(open);
  await expect.poll(() => hub.viewerCount).toBe(0);
});

test("an order is refused: nobody has a token", async () => {
  const reply = await fetch(`${url}/api/v1/fail`, { method: "POST", body: "{}" });
  expect(reply.status).toBe(401);
});
