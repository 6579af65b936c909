/**
 * The timeline: what becomes of packets from the beginning to the end, the moment that is shown, and the handles to play
 * it in both directions, stop it, or pull it anywhere.
 */
import { duration } from "../model/figures.ts";
import { drawTimeline, FATES } from "../model/timeline.ts";
import {
  chooseSpeed,
  direction,
  opening,
  play,
  positionUs,
  seek,
  speed,
  SPEEDS,
  stop,
} from "../replay-store.ts";
import { words } from "../store.ts";
import { Panel } from "./panel.tsx";
import { useSize, type Size } from "./size.ts";

const US_PER_MS = 1_000;
/** Room for a row of names of what was done, and for the seconds. */
const ROW = 15;
const BOTTOM = 18;

export function Timeline() {
  const { replay } = words.value;
  const { endUs } = opening.value!;
  const now = positionUs.value;
  return (
    <Panel name="timeline" title={replay.timeline} aside={<Legend />}>
      <Drawing />
      <input
        type="range"
        min={0}
        max={endUs}
        step="any"
        value={now}
        aria-label={replay.moment}
        aria-valuetext={replay.after(duration(now / US_PER_MS))}
        onInput={(event) => seek(Number(event.currentTarget.value))}
      />
      <Handles />
    </Panel>
  );
}

function Legend() {
  const { fates } = words.value.replay;
  return (
    <ul class="legend" aria-hidden="true">
      {FATES.map((fate) => (
        <li key={fate} class={fate}>
          {fates[fate]}
        </li>
      ))}
    </ul>
  );
}

function Handles() {
  const { replay } = words.value;
  const towards = direction.value;
  return (
    <div class="handles">
      <button type="button" onClick={() => seek(0)}>
        {replay.toStart}
      </button>
      <button
        type="button"
        aria-pressed={towards === -1}
        onClick={() => (towards === -1 ? stop() : play(-1))}
      >
        {replay.backwards}
      </button>
      <button
        type="button"
        class="primary"
        aria-pressed={towards === 1}
        onClick={() => (towards === 1 ? stop() : play(1))}
      >
        {towards === 1 ? replay.pause : replay.play}
      </button>
      <button type="button" onClick={() => seek(opening.value!.endUs)}>
        {replay.toEnd}
      </button>
      <label>
        {replay.speed}{" "}
        <select value={speed.value} onChange={(event) => chooseSpeed(Number(event.currentTarget.value))}>
          {SPEEDS.map((factor) => (
            <option key={factor} value={factor}>
              {`× ${factor}`}
            </option>
          ))}
        </select>
      </label>
      <output class="moment">{replay.after(duration(positionUs.value / US_PER_MS))}</output>
    </div>
  );
}

function Drawing() {
  const [box, size] = useSize<HTMLDivElement>();
  return (
    <div class="drawing" ref={box}>
      {size === undefined ? null : <Curve size={size} />}
    </div>
  );
}

function Curve({ size }: { readonly size: Size }) {
  const { replay } = words.value;
  const known = opening.value!;
  const rows = drawTimeline(known, { width: size.width, height: 1 }).marks.map(({ row }) => row + 1);
  const top = ROW * Math.max(1, ...rows);
  const height = Math.max(1, size.height - top - BOTTOM);
  const { bands, marks, ticks } = drawTimeline(known, { width: size.width, height });
  const at = (positionUs.value / Math.max(1, known.endUs)) * size.width;
  const pull = (event: PointerEvent & { readonly currentTarget: Element }): void => {
    if (event.buttons === 0) return;
    const { left, width } = event.currentTarget.getBoundingClientRect();
    seek(((event.clientX - left) / width) * known.endUs);
  };
  return (
    <svg
      width={size.width}
      height={size.height}
      role="img"
      aria-label={replay.curve}
      onPointerDown={pull}
      onPointerMove={pull}
    >
      <g transform={`translate(0 ${top})`}>
        {bands.map(({ fate, path }) => (
          <path key={fate} class={`fate ${fate}`} d={path} />
        ))}
        {ticks.map(({ x, seconds }) => (
          <text key={seconds} class="span" x={x} y={height + 14} text-anchor={x === 0 ? "start" : "middle"}>
            {`${seconds} s`}
          </text>
        ))}
        {marks.map(({ x, label, anchor, row }, index) => (
          <g key={index} class="mark">
            <line x1={x} x2={x} y1={-ROW * row - 4} y2={height} />
            <text x={x + (anchor === "start" ? 3 : -3)} y={-ROW * row - 4} text-anchor={anchor}>
              {label}
            </text>
          </g>
        ))}
        <line class="playhead" x1={at} x2={at} y1={-4} y2={height + 4} />
      </g>
    </svg>
  );
}
