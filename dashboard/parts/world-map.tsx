/**
 * The map: land, sites, cities, and a line from each city to the site that serves it. A site's inner ring
 * has a piece for each of its nodes; the outer ring says what the Internet sees of it. A line is drawn when it changes.
 */
import { LAND } from "virtual:land";
import { useMemo } from "preact/hooks";
import type { VantageStatus } from "../../core/wire/control.ts";
import type { PageSite, Place } from "../../core/wire/page.ts";
import { arcPath, ringSegment } from "../map/arc.ts";
import { areSetByHand, placeOnMap, withFreeLabels, type LabelReach, type Placed } from "../map/placement.ts";
import { MAP_HEIGHT, MAP_WIDTH } from "../map/projection.ts";
import { moodOf, networkOf } from "../model/site-state.ts";
import { chooseSite, chosenCity, chosenSite, nameOf, places, status, story, watch, words } from "../store.ts";
import { Panel } from "./panel.tsx";

const NODE_RADIUS = 5.6;
const NETWORK_RADIUS = 10;
const CHOSEN_RADIUS = 13.5;
const CITY_RADIUS = 2.6;
/** Width of a letter of a site's code and of a city's name. */
const CODE_LETTER = 7.4;
const CITY_LETTER = 5.6;
/** Thirty kilometres apart, and told so. */
const BOTH = ["shenzhen", "hong-kong"];

export function WorldMap() {
  const { map } = words.value;
  const known = places.value;
  const placed = useMemo(() => placesOnMap(known ?? []), [known, words.value]);
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
      <p class="note">
        {map.emulated}
        {BOTH.every((id) => placed.some(({ vantage }) => vantage === id)) ? ` ${map.apart}` : null}
      </p>
    </Panel>
  );
}

/** Of the built-in world by hand; names of other places go where there is room. */
function placesOnMap(known: readonly Place[]): Placed[] {
  const placed = placeOnMap(known);
  return areSetByHand(known) ? placed : withFreeLabels(placed, reachOf);
}

function reachOf({ site, vantage }: Placed): LabelReach {
  const city = cityNameOf(vantage, site).length * CITY_LETTER;
  return site === null
    ? { width: city, fromMark: CITY_RADIUS }
    : { width: (site.length + 1) * CODE_LETTER + city, fromMark: NETWORK_RADIUS };
}

/** A site without a vantage in its town has a place of its own, and its town's name from its status. */
function cityNameOf(vantage: string, site: string | null): string {
  if (!vantage.startsWith("/")) return nameOf(vantage);
  return status.value?.sites.find((each) => each.site === site)?.city ?? "";
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
      <circle cx={place.x} cy={place.y} r={CITY_RADIUS} />
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
    if (!place.vantage.startsWith("/")) chosenCity.value = place.vantage;
  };
  const label = map.site(site.site, cityNameOf(place.vantage, site.site), network[state], well, moods.length);
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
  const city = <tspan class="city">{cityNameOf(place.vantage, site)}</tspan>;
  return (
    <text x={place.labelX} y={place.labelY} text-anchor={place.anchor}>
      {place.anchor === "end" ? [city, " ", code] : [code, " ", city]}
    </text>
  );
}
