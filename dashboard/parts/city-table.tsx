/** The speed test, city by city. A row shows what its last answer looked like. */
import type { ComponentChildren } from "preact";
import type { VantageStatus } from "../../core/wire/control.ts";
import { signed } from "../model/figures.ts";
import type { TestRow } from "../model/page-state.ts";
import { isTesting, test } from "../orders.ts";
import { canAct, canMeasure, chosenCity, nameOf, status, tests, watch, words } from "../store.ts";
import { Panel } from "./panel.tsx";

/** What fills the bar; a longer time fills it too, its figure stands beside. */
const BAR_MS = 300;
/** A change that a user may feel; below it is the noise of a busy machine. */
const CHANGED_MS = 30;
const STATUS_GOOD = 200;
const MS_PER_S = 1_000;

export function CityTable() {
  const { table } = words.value;
  const vantages = status.value?.vantages ?? [];
  return (
    <Panel
      name="cities"
      title={table.title(vantages.length)}
      {...(watch.value === undefined ? { command: "npx anycastle test" } : {})}
      aside={watch.value === undefined ? <TestNow /> : <Pace testMs={watch.value.testMs} />}
    >
      <table>
        <caption class="hidden">{table.caption}</caption>
        <thead>
          <tr>
            <th scope="col">{table.city}</th>
            <th scope="col" class="number">
              {table.status}
            </th>
            <th scope="col">{table.site}</th>
            <th scope="col" class="wide">
              {table.ttfb} <span class="unit">{table.unit}</span>
            </th>
            <th scope="col" class="number" title={table.deltaTitle}>
              {table.delta}
            </th>
            <th scope="col" class="number spare" title={table.floorTitle}>
              {table.floor}
            </th>
            <th scope="col" class="number spare" title={table.singleTitle}>
              {table.single}
            </th>
          </tr>
        </thead>
        <tbody>
          {vantages.map((vantage) => (
            <Row key={vantage.vantage} vantage={vantage} />
          ))}
        </tbody>
      </table>
    </Panel>
  );
}

function TestNow() {
  const { table } = words.value;
  return (
    <button
      type="button"
      class="primary"
      disabled={!canAct.value || !canMeasure.value || isTesting.value}
      onClick={() => void test()}
    >
      {isTesting.value ? table.running : table.run}
    </button>
  );
}

/** Who watches measures by himself. Null: not at all. */
function Pace({ testMs }: { readonly testMs: number | null }) {
  const { watched } = words.value;
  return <span class="dim">{testMs === null ? watched.noTest : watched.pace(testMs / MS_PER_S)}</span>;
}

function Row({ vantage: { vantage, site } }: { readonly vantage: VantageStatus }) {
  const { table, map } = words.value;
  const last = tests.value?.last.get(vantage);
  const before = tests.value?.before.get(vantage);
  const isChosen = chosenCity.value === vantage;
  const choose = (): void => {
    chosenCity.value = vantage;
  };
  const hasMoved = last !== undefined && before !== undefined && last.site !== before.site;
  const isBad = last !== undefined && last.status !== STATUS_GOOD;
  return (
    <tr
      class={`${isChosen ? "chosen " : ""}${hasMoved ? "moved " : ""}${isBad ? "bad" : ""}`}
      onClick={choose}
    >
      <th scope="row">
        <button
          type="button"
          class="row"
          aria-pressed={isChosen}
          aria-label={table.showHead(nameOf(vantage))}
        >
          {nameOf(vantage)}
        </button>
      </th>
      <td class="number">{statusText(last)}</td>
      <td class="site-code">
        {last === undefined ? <span class="dim">{site ?? map.unreachable}</span> : (last.site ?? "–")}
      </td>
      <td class="wide">
        <Bar last={last} before={before} />
      </td>
      <td class="number delta">{deltaOf(last, before)}</td>
      <td class="number spare dim">{tenth(last?.floorMs)}</td>
      <td class="number spare dim">{tenth(last?.singleOriginMs)}</td>
    </tr>
  );
}

/** Length is the time, the tick stands where it was before the fault, and the figure says it. */
function Bar({ last, before }: { readonly last: TestRow | undefined; readonly before: TestRow | undefined }) {
  const ms = last?.ttfbMs ?? null;
  const width = (value: number): string => `${Math.min(100, (value / BAR_MS) * 100)}%`;
  return (
    <div class="measure">
      <svg class="bar" width="100%" height="8" aria-hidden="true">
        <rect class="rail" width="100%" height="8" rx="2" />
        {ms === null ? null : <rect class="fill" width={width(ms)} height="8" rx="2" />}
        {!isAnswered(before) ? null : <rect class="tick" x={width(before.ttfbMs)} width="2" height="8" />}
      </svg>
      <span class="figure">{ms === null ? "–" : ms.toFixed(1)}</span>
    </div>
  );
}

function statusText(row: TestRow | undefined): string {
  if (row === undefined) return "–";
  const { table } = words.value;
  if (row.status !== null) return String(row.status);
  return row.error === null ? table.mixed : table.failed;
}

function deltaOf(last: TestRow | undefined, before: TestRow | undefined): ComponentChildren {
  if (!isAnswered(last) || !isAnswered(before) || last === before) return "";
  const delta = last.ttfbMs - before.ttfbMs;
  return <span class={delta > CHANGED_MS ? "changed" : "dim"}>{signed(delta)}</span>;
}

function isAnswered(row: TestRow | undefined): row is TestRow & { readonly ttfbMs: number } {
  return row !== undefined && row.ttfbMs !== null;
}

function tenth(ms: number | null | undefined): string {
  return ms === null || ms === undefined ? "" : ms.toFixed(1);
}
