/** What `anycastle drill` does. */
import { exportChaosMesh } from "#drills/export/chaos-mesh.ts";
import { exportLitmus } from "#drills/export/litmus.ts";
import { manifestText } from "#drills/export/manifest.ts";
import { exportedDocument, writeDocument } from "#drills/experiment/write-experiment.ts";
import { counted } from "../arguments.ts";
import type { ExportFlags } from "../drill.ts";
import type { Output } from "../output.ts";
import { openExperiment } from "./open-experiment.ts";

const EXPERIMENT_SCHEMA = "anycastle.experiment/v1";

export function runCheck(output: Output, file: string, isJson: boolean): void {
  const { faults, hypothesis, method, plan, rollbacks, title } = openExperiment(output, file, isJson);
  const { blastRadius, load, stages, stopConditions } = plan;
  if (isJson) {
    const probes = hypothesis.probes.map(({ name }) => name);
    return output.printJson({ schema: EXPERIMENT_SCHEMA, file, isValid: true, title, probes, faults, plan });
  }
  output.print(`${file} is good: ${title}`);
  output.print(`hypothesis: ${hypothesis.title} (${counted(hypothesis.probes.length, "probe")})`);
  output.print(`method: ${counted(method.length, "activity", "activities")}, rollbacks: ${rollbacks.length}`);
  for (const { id, kind, target, ttlMs } of faults) {
    output.print(`fault ${id}: ${kind} of ${target}, ends by itself after ${ttlMs / 1_000} s`);
  }
  const radius =
    blastRadius.override === undefined ? blastRadius.mode : `${blastRadius.mode} (${blastRadius.override})`;
  output.print(
    `radius: ${radius}; ${counted(stopConditions.length, "stop condition")}, ${counted(stages.length, "stage")}`,
  );
  if (load !== undefined) output.print(`load: ${load.rate}/s for ${load.duration / 1_000} s`);
}

export function runExport(
  output: Output,
  file: string,
  { namespace, serviceAccount, to }: ExportFlags,
): void {
  const experiment = openExperiment(output, file, false);
  switch (to) {
    case "chaos-toolkit":
      return output.print(writeDocument(exportedDocument(experiment.document), "json").trimEnd());
    case "chaos-mesh":
      return output.print(manifestText(exportChaosMesh(experiment, { namespace })).trimEnd());
    case "litmus":
      return output.print(manifestText(exportLitmus(experiment, { namespace, serviceAccount })).trimEnd());
  }
}
