/** What becomes of packets at the moment shown, of whoever's route changes in the recording. */
import { count, percent } from "../model/figures.ts";
import { FATES } from "../model/timeline.ts";
import { frame, opening } from "../replay-store.ts";
import { words } from "../store.ts";
import { Panel } from "./panel.tsx";

export function ReplayFigures() {
  const { replay } = words.value;
  const { affected } = opening.value!;
  const now = frame.value;
  return (
    <Panel name="fates" title={replay.packets}>
      <dl class="counts">
        {FATES.map((fate) => (
          <div key={fate} class={fate}>
            <dt>{replay.fates[fate]}</dt>
            <dd>{now === undefined || affected === 0 ? "–" : percent(now.fates[fate] / affected)}</dd>
          </div>
        ))}
        <div>
          <dt>{replay.changes}</dt>
          <dd>
            {now === undefined ? "–" : count(now.changes)}
            <small>{now === undefined ? "" : replay.messages(count(now.messages))}</small>
          </dd>
        </div>
      </dl>
      <p class="note">{replay.affected(count(affected))}</p>
    </Panel>
  );
}
