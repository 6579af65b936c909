/**
 * The map: land, nine sites, fourteen cities, and a line from each city to the site that serves it. A site's inner ring
 * has a piece for each of its nodes; the outer ring says what the Internet sees of it. A line is drawn when it changes.
 */
import { LAND } from "virtual:land";
import { useMemo } from "preact/hooks";
import type { VantageStatus } from "../../core/wire/control.ts";
import type { PageSite } from "../../core/wire/page.ts";
import { arcPath, ringSegment } from "../map/arc.ts";
import { placeOnMap, type Placed } from "../map/placement.ts";
import { MAP_HEIGHT, MAP_WIDTH } from "../map/projection.ts";
import { moodOf, networkOf } from "../model/site-state.ts";
import { chooseSite, chosenCity, chosenSite, nameOf, places, status, story, watch, words } from "../store.ts";
import { Panel } from "./panel.tsx";

const NODE_RADIUS = 5.6;
const NETWORK_RADIUS = 10;
const CHOSEN_RADIUS = 13.5;

export function WorldMap() {
  const { map } = words.value;
  const known = places.value;
  const placed = useMemo(() => placeOnMap(known ?? []), [known]);
  const sites = status.value?.sites ?? [];
  const vantages = status.value?.vantages ?? [];
  return (
    <Panel
      name="map"
      title={map.title}
      {...(watch.value === undefined ? { command: "npx anycastle status" } : {})}
      aside={<Legend />}
    >
      <svg
        viewBox={`0 0 ${MAP_WIDTH} ${MAP_HEIGHT}`}
        role="group"
        aria-label={map.summary(summaryOf(vantages))}
      >
        <path class="land" d={LAND} />
        {vantages.map((vantage) => (
          <Arc key={`${vantage.vantage}-${vantage.site}`} vantage={vantage} placed={placed} />
        ))}
        {placed.map((place) => (
          <City key={place.vantage} place={place} site={sites.find(({ site }) => site === place.site)} />
        ))}
      </svg>
      <p class="note">{map.emulated}</p>
    </Panel>
  );
}

function Legend() {
  const { legend } = words.value.map;
  return (
    <ul class="legend" aria-hidden="true">
      <li class="announced">{legend.announced}</li>
      <li class="graceful">{legend.graceful}</li>
      <li class="withdrawn">{legend.withdrawn}</li>
      <li class="moved">{legend.moved}</li>
    </ul>
  );
}

function summaryOf(vantages: readonly VantageStatus[]): string {
  const { map } = words.value;
  return vantages
    .map(({ vantage, site }) =>
      site === null ? `${nameOf(vantage)}: ${map.unreachable}` : map.arc(nameOf(vantage), site),
    )
    .join("; ");
}

function Arc({ vantage, placed }: { readonly vantage: VantageStatus; readonly placed: readonly Placed[] }) {
  const from = placed.find((place) => place.vantage === vantage.vantage);
  const to = placed.find((place) => place.site === vantage.site && place.site !== null);
  if (from === undefined || to === undefined || from === to) return null;
  const home = story.value?.homes.get(vantage.vantage);
  // Before the first fault cities move too, to where they belong.
  const isAway = story.value?.isFault === true && home !== undefined && home !== vantage.site;
  return <path class={isAway ? "arc away" : "arc"} d={arcPath(from, to)} pathLength={1} />;
}

function City({ place, site }: { readonly place: Placed; readonly site: PageSite | undefined }) {
  return site === undefined ? <Vantage place={place} /> : <Site place={place} site={site} />;
}

function Vantage({ place }: { readonly place: Placed }) {
  const reached = status.value?.vantages.find(({ vantage }) => vantage === place.vantage)?.site;
  return (
    <g class={reached === null ? "vantage cut" : "vantage"} aria-hidden="true">
      <circle cx={place.x} cy={place.y} r={2.6} />
      <text x={place.labelX} y={place.labelY} text-anchor={place.anchor}>
        {nameOf(place.vantage)}
      </text>
    </g>
  );
}

function Site({ place, site }: { readonly place: Placed; readonly site: PageSite }) {
  const { map, network } = words.value;
  const state = networkOf(site);
  const moods = site.nodes.map(moodOf);
  const well = moods.filter((mood) => mood === "well").length;
  const isChosen = chosenSite.value === site.site;
  const choose = (): void => {
    chooseSite(site.site);
    chosenCity.value = place.vantage;
  };
  const label = map.site(site.site, nameOf(place.vantage), network[state], well, moods.length);
  return (
    <g
      class={`site ${state}${well === 0 ? " dead" : ""}`}
      data-site={site.site}
      role="button"
      tabindex={0}
      aria-pressed={isChosen}
      aria-label={label}
      onClick={choose}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        choose();
      }}
    >
      <title>{label}</title>
      {isChosen ? <circle class="halo" cx={place.x} cy={place.y} r={CHOSEN_RADIUS} /> : null}
      {state === "withdrawn" ? <circle class="pulse" cx={place.x} cy={place.y} r={NETWORK_RADIUS} /> : null}
      <circle class="hit" cx={place.x} cy={place.y} r={CHOSEN_RADIUS} />
      <circle class="network" cx={place.x} cy={place.y} r={NETWORK_RADIUS} />
      {moods.map((mood, index) => (
        <path class={`node ${mood}`} key={index} d={ringSegment(place, NODE_RADIUS, index, moods.length)} />
      ))}
      <SiteName place={place} site={site.site} />
    </g>
  );
}

/** The code stands nearer to the mark than the city. */
function SiteName({ place, site }: { readonly place: Placed; readonly site: string }) {
  const code = <tspan class="code">{site}</tspan>;
  const city = <tspan class="city">{nameOf(place.vantage)}</tspan>;
  return (
    <text x={place.labelX} y={place.labelY} text-anchor={place.anchor}>
      {place.anchor === "end" ? [city, " ", code] : [code, " ", city]}
    </text>
  );
}
