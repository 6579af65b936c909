/** The page, put together: of a lab, or of a recording, as its stream says. */
import { opening } from "../replay-store.ts";
import { canAct, isLinkUsed, link, state, watch, words } from "../store.ts";
import { CityTable } from "./city-table.tsx";
import { Counters } from "./counters.tsx";
import { Head } from "./head.tsx";
import { KillSwitch } from "./kill-switch.tsx";
import { LatencyChart } from "./latency-chart.tsx";
import { NodePanel } from "./node-panel.tsx";
import { ReplayPage } from "./replay-page.tsx";
import { ResponseHead } from "./response-head.tsx";
import { StoryPanel } from "./story-panel.tsx";
import { WatchOnly, WatchedFigures } from "./watch-only.tsx";
import { WorldMap } from "./world-map.tsx";

export function Page() {
  return opening.value === undefined ? <LabPage /> : <ReplayPage />;
}

function LabPage() {
  const isWatching = watch.value !== undefined;
  return (
    <div class={`page ${link.value}`}>
      <Head />
      {state.value !== undefined && !canAct.value && !isWatching ? <LookOnly /> : null}
      <main>
        <div class="column left">
          <WorldMap />
          <div class="pair">
            {isWatching ? null : <LatencyChart />}
            <StoryPanel />
          </div>
        </div>
        <div class="column right">
          {isWatching ? <WatchedFigures /> : <Counters />}
          <CityTable />
          {isWatching ? <WatchOnly /> : <KillSwitch />}
          <div class="pair">
            <NodePanel />
            <ResponseHead />
          </div>
        </div>
      </main>
    </div>
  );
}

function LookOnly() {
  const { lookOnly } = words.value;
  return (
    <p class="look-only" role="note">
      <strong>{lookOnly.title}</strong> {isLinkUsed.value ? lookOnly.used : lookOnly.how}{" "}
      <code>npx anycastle page</code>
    </p>
  );
}
