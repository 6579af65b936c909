/** Questions to a whole Internet: one file for each has its flags. */
import type { Command } from "commander";
import { addAnnounce } from "./ask-announce.ts";
import { addCatchment } from "./ask-catchment.ts";
import { addCompare } from "./ask-compare.ts";
import { addDrainTime } from "./ask-drain-time.ts";
import { addGenerate } from "./ask-generate.ts";
import { addLeak } from "./ask-leak.ts";
import { addPath } from "./ask-path.ts";
import { addReplay } from "./ask-replay.ts";
import { addValidate } from "./ask-validate.ts";
import { addWhatIf } from "./ask-what-if.ts";
import { addWithdraw } from "./ask-withdraw.ts";

export function addQuestions(sim: Command): void {
  addCatchment(sim);
  addWhatIf(sim);
  addWithdraw(sim);
  addAnnounce(sim);
  addLeak(sim);
  addCompare(sim);
  addDrainTime(sim);
  addGenerate(sim);
  addPath(sim);
  addReplay(sim);
  addValidate(sim);
}
