/** `anycastle sim compare`: one death on several ways to serve, side by side. */
import { Prng } from "#core/prng.ts";
import { playDeath, type Service } from "#sim/change/one-death.ts";
import { openWorld } from "#sim/load/open-world.ts";
import { PRESET_PREFIX } from "#sim/load/preset-names.ts";
import type { Output } from "../output.ts";
import type { CompareFlags } from "./ask-compare.ts";
import { MODEL_LIMITS, printColumns } from "./columns.ts";
import { cellsOf, COMPARE_LIMITS, figuresOf, wayText, type ComparedWay } from "./compared-ways.ts";
import { detectionText } from "./detection-of.ts";
import { readWorld, SEED_DEFAULT } from "./open-world-of.ts";
import { positionOf } from "./position-of.ts";
import { commandLine } from "./report/command-line.ts";
import { compareReport } from "./report/compare-report.ts";
import { renderReport } from "./report/report-page.ts";
import { serviceOf } from "./service-of.ts";
import { writeWhole } from "./write-whole.ts";

const SCHEMA = "anycastle.sim-compare/v1";
export async function showCompare(output: Output, flags: CompareFlags): Promise<void> {
  const seed = flags.seed ?? SEED_DEFAULT;
  // All are opened before one is played: a slip in the last is told at once.
  const services: { name: string; service: Service; at: number }[] = [];
  for (const name of flags.world) {
    const { document, folder } = readWorld(name, output);
    const world = await openWorld(document, folder);
    services.push({
      name: name.startsWith(PRESET_PREFIX) ? name.slice(PRESET_PREFIX.length) : name,
      at: positionOf(world.sites, flags.lose),
      service: serviceOf(name, world, flags.detection, flags),
    });
  }
  const ways = services.map(({ name, service, at }): ComparedWay => {
    const runs = Array.from({ length: flags.seeds }, (_, run) =>
      playDeath(service, { at, of: flags.kill }, new Prng(seed).fork(`run/${run}`)),
    );
    const found = service.detection === undefined ? "found by nobody" : detectionText(service.detection);
    return { name, service, found, runs, figures: figuresOf(runs) };
  });
  const title = `${flags.kill === "site" ? flags.lose : `a server of ${flags.lose}`} dies`;
  if (flags.html !== undefined) {
    writeWhole(flags.html, renderReport(compareReport({ title, ways, seed, command: commandLine() })));
  }
  if (flags.json === true) {
    return output.printJson({
      schema: SCHEMA,
      lost: flags.lose,
      kill: flags.kill,
      seed,
      ways: ways.map(({ name, service, figures, runs }) => ({
        name,
        sites: service.sites.length,
        servers: service.servers,
        steering: service.steering,
        detection: service.detection ?? null,
        figures,
        runs,
      })),
      limits: COMPARE_LIMITS,
      modelLimits: MODEL_LIMITS,
    });
  }
  output.print(`${title}, seen by the vantages of each world; ${flags.seeds} runs, seed ${seed}`);
  output.print("");
  printColumns(
    output,
    "lrrrrrrr",
    [
      "SERVED BY",
      "AFFECTED",
      "LOST s A CLIENT",
      "MOST",
      "ALL SERVED AFTER s",
      "MOST",
      "RTT BEFORE",
      "AFTER ms",
    ],
    ways.map(({ name, figures }) => [name, ...cellsOf(figures)]),
  );
  output.print("");
  for (const { name, service, found } of ways) output.print(`${name}: ${wayText(service)}; ${found}`);
  output.print("");
  output.print(
    "Lost: seconds of a client's requests that fail, mean of the affected clients; median and most of the runs.",
  );
  for (const limit of COMPARE_LIMITS) output.print(limit);
  output.print(MODEL_LIMITS);
}
