/**
 * The map of a recording at its moment: each site with a disc as large as what leads to it, and a line from each vantage
 * to the site that its route leads to. Where nothing has coordinates the map stays away.
 */
import { LAND } from "virtual:land";
import { useMemo } from "preact/hooks";
import type { ReplaySite } from "../../core/wire/replay.ts";
import { arcPath } from "../map/arc.ts";
import { placeOnMap, withFreeLabels, type LabelReach, type Placed } from "../map/placement.ts";
import { MAP_HEIGHT, MAP_WIDTH } from "../map/projection.ts";
import { count, percent } from "../model/figures.ts";
import { firstFrame, frame, opening, placeName, replayPlaces } from "../replay-store.ts";
import { words } from "../store.ts";
import { Panel } from "./panel.tsx";

const NETWORK_RADIUS = 7;
const CITY_RADIUS = 2.6;
/** Width of a letter of a site's code and of a city's name. */
const CODE_LETTER = 7.4;
const CITY_LETTER = 5.6;
/** Radius of a site that all routes lead to. */
const SHARE_RADIUS = 64;

export function ReplayMap() {
  const { map, replay } = words.value;
  const places = replayPlaces.value;
  const placed = useMemo(() => withFreeLabels(placeOnMap(places), reachOf), [places, words.value]);
  const known = opening.value!;
  const now = frame.value;
  if (placed.length === 0) return null;
  return (
    <Panel name="map" title={replay.mapTitle}>
      <svg viewBox={`0 0 ${MAP_WIDTH} ${MAP_HEIGHT}`} role="group" aria-label={map.summary(replay.mapTitle)}>
        <path class="land" d={LAND} />
        {now === undefined
          ? null
          : known.vantages.map(({ name }, index) => (
              <Arc
                key={`${name}-${now.vantages[index]}`}
                vantage={name}
                site={now.vantages[index]!}
                home={firstFrame.value?.vantages[index]}
                placed={placed}
              />
            ))}
        {placed.map((place) => (
          <Mark key={place.vantage} place={place} />
        ))}
      </svg>
      <p class="note">{replay.mapNote}</p>
    </Panel>
  );
}

function reachOf({ site, vantage }: Placed): LabelReach {
  return site === null
    ? { width: placeName(vantage).length * CITY_LETTER, fromMark: CITY_RADIUS }
    : { width: site.length * CODE_LETTER, fromMark: NETWORK_RADIUS };
}

interface ArcProps {
  readonly vantage: string;
  readonly site: string | null;
  readonly home: string | null | undefined;
  readonly placed: readonly Placed[];
}

function Arc({ vantage, site, home, placed }: ArcProps) {
  const from = placed.find((place) => place.vantage === vantage);
  const to = placed.find((place) => place.site === site && place.site !== null);
  if (from === undefined || to === undefined || from === to) return null;
  const isAway = home !== undefined && home !== site;
  return <path class={isAway ? "arc away" : "arc"} d={arcPath(from, to)} pathLength={1} />;
}

function Mark({ place }: { readonly place: Placed }) {
  const index = opening.value!.sites.findIndex(({ name }) => name === place.site);
  const site = frame.value?.sites[index];
  if (site !== undefined) return <Site place={place} name={place.site!} site={site} />;
  return (
    <g class="vantage" aria-hidden="true">
      <circle cx={place.x} cy={place.y} r={CITY_RADIUS} />
      <text x={place.labelX} y={place.labelY} text-anchor={place.anchor}>
        {placeName(place.vantage)}
      </text>
    </g>
  );
}

function Site({
  place,
  name,
  site,
}: {
  readonly place: Placed;
  readonly name: string;
  readonly site: ReplaySite;
}) {
  const { network, replay } = words.value;
  const state = site.isAnnounced ? "announced" : "withdrawn";
  const ratio = site.routes / opening.value!.ases;
  const said = site.isServing ? network[state] : `${network[state]}, ${replay.dead}`;
  const label = replay.site(name, said, count(site.routes), percent(ratio));
  return (
    <g class={`site ${state}${site.isServing ? "" : " dead"}`} data-site={name} role="img" aria-label={label}>
      <title>{label}</title>
      <circle class="share" cx={place.x} cy={place.y} r={SHARE_RADIUS * Math.sqrt(ratio)} />
      <circle class="network" cx={place.x} cy={place.y} r={NETWORK_RADIUS} />
      <text x={place.labelX} y={place.labelY} text-anchor={place.anchor}>
        <tspan class="code">{name}</tspan>
      </text>
    </g>
  );
}
