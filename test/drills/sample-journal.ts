/** A journal of a drill that went well. */
import { CHAOSLIB_VERSION, type ActivityRun, type Journal } from "#drills/experiment/journal.ts";
import type { JsonObject } from "#drills/experiment/json.ts";
import { readExperiment } from "#drills/experiment/read-experiment.ts";
import { SAMPLE } from "./sample-experiment.ts";

export function sampleJournal(): Journal {
  const read = readExperiment(SAMPLE, "yaml");
  if (!read.ok) throw new Error("the sample is not read");
  const { document, hypothesis, method, rollbacks } = read.experiment;
  const runOf = (activity: JsonObject, output: JsonObject): ActivityRun => ({
    activity,
    output,
    status: "succeeded",
    start: "2026-12-01T10:00:00.000000+00:00",
    end: "2026-12-01T10:00:00.250000+00:00",
    duration: 0.25,
  });
  const state = {
    steady_state_met: true,
    probes: hypothesis.probes.map(({ document }) => ({
      ...runOf(document, { status: 200, headers: {}, body: "ny1" }),
      tolerance_met: true,
    })),
  };
  return {
    "chaoslib-version": CHAOSLIB_VERSION,
    platform: "Linux",
    node: "lab",
    experiment: document,
    start: "2026-12-01T10:00:00.000000+00:00",
    end: "2026-12-01T10:01:00.000000+00:00",
    duration: 60,
    status: "completed",
    deviated: false,
    steady_states: { before: state, after: state, during: [state] },
    run: method.map(({ document }) =>
      runOf(document, { status: 200, headers: {}, body: { nodes: ["ny1-1"] } }),
    ),
    rollbacks: rollbacks.map(({ document }) => runOf(document, { status: 200, headers: {}, body: null })),
  };
}
