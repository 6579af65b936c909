/** The load: on or off, how fast, and what became of its requests. Failures are never shown without their bound. */
import { signal } from "@preact/signals";
import { count, failureBound, percent } from "../model/figures.ts";
import { isLoadChanging, load } from "../orders.ts";
import { canAct, canMeasure, totals, words } from "../store.ts";
import { Panel } from "./panel.tsx";

const RATES = [50, 100, 200, 500] as const;
const rate = signal<number>(200);

export function Counters() {
  const { counters } = words.value;
  const running = totals.value?.load.rate ?? null;
  const isOff = !canAct.value || !canMeasure.value || isLoadChanging.value;
  return (
    <Panel
      name="load"
      title={counters.title}
      command={`npx anycastle load --rate ${running ?? rate.value}`}
      aside={
        <div class="load-orders">
          <span class={running === null ? "dim" : "running"}>
            {running === null ? counters.off : counters.perSecond(running)}
          </span>
          <label>
            <span class="hidden">{counters.rate}</span>
            <select
              value={rate.value}
              disabled={isOff || running !== null}
              onChange={(event) => (rate.value = Number(event.currentTarget.value))}
            >
              {RATES.map((value) => (
                <option key={value} value={value}>
                  {counters.perSecond(value)}
                </option>
              ))}
            </select>
          </label>
          <button
            type="button"
            class="primary"
            disabled={isOff}
            onClick={() => void load(running === null ? rate.value : null)}
          >
            {running === null ? counters.start : counters.stop}
          </button>
        </div>
      }
    >
      <Figures />
    </Panel>
  );
}

function Figures() {
  const { counters } = words.value;
  const { load: requests, gateway } = totals.value ?? {};
  const { planned = 0, sent = 0, failed = 0, failedPosts = 0 } = requests ?? {};
  const bound = failureBound(sent);
  return (
    <dl class="counts">
      <Figure name={counters.planned} value={count(planned)} />
      <Figure name={counters.sent} value={count(sent)} />
      <Figure
        name={counters.failed}
        value={count(failed)}
        mood={failed > 0 ? "alert" : sent > 0 ? "ok" : ""}
        {...(failed > 0 ? { note: counters.posts(failedPosts), title: counters.postsTitle } : {})}
      />
      <Figure name={counters.rescued} value={count(gateway?.rescued ?? 0)} title={counters.rescuedTitle} />
      {failed === 0 ? (
        <Figure
          name={`${counters.bound} 3/n`}
          value={bound === null ? "–" : percent(bound)}
          title={counters.boundTitle}
        />
      ) : (
        <Figure name={counters.ratio} value={percent(failed / sent)} mood="alert" />
      )}
    </dl>
  );
}

interface FigureProps {
  readonly name: string;
  readonly value: string;
  readonly mood?: string;
  readonly title?: string;
  readonly note?: string;
}

export function Figure({ name, value, mood = "", title, note }: FigureProps) {
  return (
    <div {...(title === undefined ? {} : { title })}>
      <dt>{name}</dt>
      <dd class={mood}>
        {value}
        {note === undefined ? null : <small>{note}</small>}
      </dd>
    </div>
  );
}
