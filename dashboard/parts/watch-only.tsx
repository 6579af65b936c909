/** What stands on a watched page in place of kill switch and load: why there is none, what does it, what the gateway counts. */
import { count, failureBound, percent } from "../model/figures.ts";
import { chosenSite, status, totals, watch, words } from "../store.ts";
import { Command } from "./command.tsx";
import { Figure } from "./counters.tsx";
import { Panel } from "./panel.tsx";

/** As in docs/containers.md: what was done, and what undoes it. */
const WAYS = [
  ["kill", "start"],
  ["stop", "start"],
  ["pause", "unpause"],
] as const;

const MS_PER_S = 1_000;

export function WatchOnly() {
  const { watched } = words.value;
  const site = status.value?.sites.find((known) => known.site === chosenSite.value);
  const services = (site?.nodes ?? []).map(({ node }) => node).join(" ");
  return (
    <Panel name="watched" title={watched.title}>
      <p class="note">{watched.why}</p>
      <div class="ways">
        {WAYS.map((way) => (
          <div key={way[0]} class="way">
            {way.map((verb) => (
              <Command key={verb} text={`docker compose ${verb} ${services}`} />
            ))}
          </div>
        ))}
      </div>
      <p class="note">{watched.times((watch.value?.lookMs ?? 0) / MS_PER_S)}</p>
    </Panel>
  );
}

/** The gateway's own counters, since the watching began. */
export function WatchedFigures() {
  const { watched, counters } = words.value;
  const { requests = 0, failed = 0, rescued = 0, hedged = 0 } = totals.value?.gateway ?? {};
  const bound = failureBound(requests);
  return (
    <Panel name="load" title={watched.requestsTitle}>
      <dl class="counts">
        <Figure name={watched.requests} value={count(requests)} />
        <Figure
          name={counters.failed}
          value={count(failed)}
          mood={failed > 0 ? "alert" : requests > 0 ? "ok" : ""}
          title={watched.failedTitle}
        />
        <Figure name={counters.rescued} value={count(rescued)} title={counters.rescuedTitle} />
        <Figure name={watched.hedged} value={count(hedged)} title={watched.hedgedTitle} />
        {failed === 0 ? (
          <Figure
            name={`${counters.bound} 3/n`}
            value={bound === null ? "–" : percent(bound)}
            title={counters.boundTitle}
          />
        ) : (
          <Figure name={counters.ratio} value={percent(failed / requests)} mood="alert" />
        )}
      </dl>
    </Panel>
  );
}
