/** Latency as clients see it, two points a second, with the moment of each fault across it. */
import { drawChart } from "../model/chart.ts";
import { duration } from "../model/figures.ts";
import { marks, windows, words } from "../store.ts";
import { Panel } from "./panel.tsx";
import { useSize, type Size } from "./size.ts";

const SECONDS = 60;
/** Room for the figures of the scale, for the names of the marks, and below. */
const LEFT = 38;
const TOP = 22;
const BOTTOM = 20;
const LABEL_ROOM = 110;

export function LatencyChart() {
  const { chart: said } = words.value;
  const known = windows.value ?? [];
  const newest = known.findLast(({ ok }) => ok > 0);
  return (
    <Panel name="latency" title={said.title} aside={<Legend />}>
      {newest === undefined ? (
        <p class="empty">{said.empty}</p>
      ) : (
        <Drawing label={said.summary(duration(newest.p50Ms), duration(newest.p99Ms))} />
      )}
    </Panel>
  );
}

function Legend() {
  const { chart } = words.value;
  return (
    <ul class="legend" aria-hidden="true">
      <li class="p50">{chart.p50}</li>
      <li class="ttfb">{chart.ttfb}</li>
      <li class="p99">{chart.p99}</li>
      <li class="failures">{chart.failures}</li>
    </ul>
  );
}

function Drawing({ label }: { readonly label: string }) {
  const [box, size] = useSize<HTMLDivElement>();
  return (
    <div class="drawing" ref={box}>
      {size === undefined ? null : <Lines label={label} size={size} />}
    </div>
  );
}

function Lines({ label, size }: { readonly label: string; readonly size: Size }) {
  const width = Math.max(1, size.width - LEFT - 1);
  const height = Math.max(1, size.height - TOP - BOTTOM);
  const chart = drawChart(windows.value ?? [], marks.value ?? [], { width, height, seconds: SECONDS });
  return (
    <svg width={size.width} height={size.height} role="img" aria-label={label}>
      <g transform={`translate(${LEFT} ${TOP})`}>
        {chart.gridMs.map((ms) => (
          <g key={ms} class="grid">
            <line
              x2={width}
              y1={height - (ms / chart.maxMs) * height}
              y2={height - (ms / chart.maxMs) * height}
            />
            <text x={-6} y={height - (ms / chart.maxMs) * height + 4} text-anchor="end">
              {ms}
            </text>
          </g>
        ))}
        <line class="axis" x2={width} y1={height} y2={height} />
        <path class="p99" d={chart.p99} />
        <path class="p50" d={chart.p50} />
        <path class="ttfb" d={chart.ttfb} />
        {chart.failures.map((x) => (
          <line key={x} class="failure" x1={x} x2={x} y1={height - 8} y2={height} />
        ))}
        {chart.marks.map(({ x, sort, label: name }) => (
          <g key={`${name}-${x}`} class={`mark ${sort}`}>
            <line x1={x} x2={x} y1={-6} y2={height} />
            <text x={x} y={-10} text-anchor={x > width - LABEL_ROOM ? "end" : "start"}>
              {name}
            </text>
          </g>
        ))}
        <text class="span" x={width} y={height + 14} text-anchor="end">
          {words.value.chart.seconds(SECONDS)}
        </text>
        <text class="span" x={-6} y={height + 14} text-anchor="end">
          ms
        </text>
      </g>
    </svg>
  );
}
