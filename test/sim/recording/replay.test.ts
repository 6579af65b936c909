/** A recording is the run that it was taken from: at every moment, for every AS, forwards and backwards. */
import { expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import type { EngineOptions } from "#sim/propagation/engine.ts";
import { TIMING_SETS } from "#sim/propagation/timing-sets.ts";
import { Replay } from "#sim/recording/replay.ts";
import { generateGraph } from "#sim/topology/generate.ts";
import { playRandomly, read } from "./play.ts";

const SETS = Object.entries(TIMING_SETS).map(([name, timing]) => ({ name, timing: timing as EngineOptions }));

function stateOf(replay: Replay): string[] {
  const { length } = replay.recording.paths;
  return [...replay.graph.asn.keys()].map((vertex) => {
    const path = replay.bestPath(vertex);
    const vertices = replay.recording.paths.vertices(path);
    return `${length[path]}: ${vertices.map((at) => replay.graph.asn[at]).join(" ")}`;
  });
}

test.for(SETS)(
  "$name: at any moment every AS has the path that it had in the run, whichever way the cursor comes",
  ({ timing }) => {
    for (let seed = 0; seed < 12; seed++) {
      const { graph, lines, looks } = playRandomly(seed, timing);
      const replay = new Replay(read(lines), graph);
      for (const { atUs, paths } of looks) {
        replay.seek(atUs);
        expect(stateOf(replay), `forwards, seed ${seed}, ${atUs} µs`).toEqual(paths);
      }
      for (const { atUs, paths } of looks.toReversed()) {
        replay.seek(atUs);
        expect(stateOf(replay), `backwards, seed ${seed}, ${atUs} µs`).toEqual(paths);
      }
      for (const { atUs, paths } of new Prng(seed).shuffle([...looks])) {
        replay.seek(atUs);
        expect(stateOf(replay), `anyhow, seed ${seed}, ${atUs} µs`).toEqual(paths);
      }
    }
  },
);

test("every message that arrived is in it, and none that did not", () => {
  const { graph, lines, counts } = playRandomly(3, TIMING_SETS["rfc-4271"]);
  const { messages, paths } = new Replay(read(lines), graph).recording;
  const withdrawals = [...messages.path.subarray(0, messages.count)].filter((path) => path === 0).length;
  expect(withdrawals).toBe(counts.withdrawals);
  expect(messages.count - withdrawals).toBe(counts.announcements);
  for (let index = 0; index < messages.count; index++) {
    const path = messages.path[index]!;
    // Whoever announces stands at the head of what he announces.
    if (path !== 0) expect(paths.head[path]).toBe(messages.from[index]);
  }
});

test("the same run gives the same lines", () => {
  expect(playRandomly(5, TIMING_SETS["fitted-2011"]).lines).toEqual(
    playRandomly(5, TIMING_SETS["fitted-2011"]).lines,
  );
});

test("a graph that is not the one it was played on is refused", () => {
  const { lines } = playRandomly(1, TIMING_SETS["no-mrai"]);
  expect(() => new Replay(read(lines), generateGraph(200, new Prng(9)))).toThrow(/played on another graph/);
});
