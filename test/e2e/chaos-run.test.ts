/** The real Chaos Toolkit plays an experiment against a lab: it injects by the control API, and rolls back. */
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { LabStatus } from "#core/wire/control.ts";
import { readExperiment } from "#drills/experiment/read-experiment.ts";
import { LabClient } from "#lab/client.ts";
import { installChaosToolkit, type ChaosToolkit } from "../drills/chaos-toolkit.ts";
import { startLabProcess, type LabProcess } from "../lab/start-lab-process.ts";

const toolkit = installChaosToolkit();
if (typeof toolkit === "string") process.stderr.write(`SKIPPED: no Chaos Toolkit: ${toolkit}\n`);

let dir: string;
let lab: LabProcess;

beforeAll(async () => {
  lab = await startLabProcess();
  ({ dir } = lab);
}, 60_000);

afterAll(async () => {
  await lab.end();
});

function experimentOn(gatewayUrl: string): unknown {
  const headers = { "Content-Type": "application/json", Authorization: "Bearer ${anycastle_token}" };
  const url = "${anycastle_control}/api/v1/faults";
  return {
    title: "New York falls, nobody notices",
    description: "The node of ny1 is killed.",
    configuration: { anycastle_control: { type: "env", key: "ANYCASTLE_CONTROL" } },
    secrets: { anycastle: { anycastle_token: { type: "env", key: "ANYCASTLE_TOKEN" } } },
    "steady-state-hypothesis": {
      title: "The gateway answers",
      probes: [
        {
          type: "probe",
          name: "gateway",
          tolerance: 200,
          provider: { type: "http", url: `${gatewayUrl}/`, timeout: 5 },
        },
      ],
    },
    method: [
      {
        type: "action",
        name: "kill",
        provider: {
          type: "http",
          method: "POST",
          url,
          headers,
          secrets: ["anycastle"],
          arguments: { id: "ny1-crash", kind: "node_crash", target: "ny1-1", ttlMs: 60_000 },
        },
      },
      {
        type: "probe",
        name: "faults",
        tolerance: { type: "jsonpath", path: "$[*].phase", expect: ["held"], target: "body" },
        provider: { type: "http", url },
      },
    ],
    rollbacks: [
      {
        type: "action",
        name: "revive",
        provider: {
          type: "http",
          method: "DELETE",
          url: `${url}/ny1-crash`,
          headers,
          secrets: ["anycastle"],
        },
      },
    ],
    runtime: { rollbacks: { strategy: "always" } },
    extensions: [{ name: "anycastle" }],
  };
}

test.skipIf(typeof toolkit === "string")(
  "`chaos run` injects, sees that it works, and rolls back",
  async () => {
    const { chaos } = toolkit as ChaosToolkit;
    const { controlUrl, gatewayUrl, token } = LabClient.find(dir).file;
    const text = JSON.stringify(experimentOn(gatewayUrl));
    expect(readExperiment(text, "json")).toMatchObject({ ok: true });
    writeFileSync(join(dir, "experiment.json"), text);
    await new Promise((resolve) => {
      execFile(
        chaos,
        ["--no-version-check", "run", "experiment.json"],
        { cwd: dir, env: { ...process.env, ANYCASTLE_CONTROL: controlUrl, ANYCASTLE_TOKEN: token } },
        resolve,
      );
    });
    const journalText = readFileSync(join(dir, "journal.json"), "utf8");
    const journal = JSON.parse(journalText) as Record<"run" | "rollbacks", { output: { body: unknown } }[]>;
    expect(journal).toMatchObject({ status: "completed", deviated: false });
    expect(journal.run[0]!.output.body).toMatchObject({
      id: "ny1-crash",
      kind: "service_crash",
      phase: "held",
    });
    expect(journal.run[1]!.output.body).toMatchObject([{ id: "ny1-crash", phase: "held" }]);
    expect(journal.rollbacks[0]!.output.body).toMatchObject({ id: "ny1-crash", phase: "gone", end: "asked" });
    const status: LabStatus = await LabClient.find(dir).status();
    expect(status.sites.flatMap(({ nodes }) => nodes).filter(({ fault }) => fault !== null)).toEqual([]);
  },
);
