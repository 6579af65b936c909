/** Each site at the moment shown: whether it is announced, how many routes lead there, and how many did at first. */
import { count, percent } from "../model/figures.ts";
import { firstFrame, frame, opening } from "../replay-store.ts";
import { words } from "../store.ts";
import { Panel } from "./panel.tsx";

const BAR_WIDTH = 100;

export function ReplaySites() {
  const { replay } = words.value;
  const { sites, ases } = opening.value!;
  const now = frame.value;
  return (
    <Panel name="shares" title={replay.sites}>
      <table>
        <caption class="hidden">{replay.sitesCaption}</caption>
        <thead>
          <tr>
            <th scope="col">{replay.siteHead}</th>
            <th scope="col">{replay.stateHead}</th>
            <th scope="col" class="number">
              {replay.routesHead}
            </th>
            <th scope="col" class="number">
              {replay.changeHead}
            </th>
            <th scope="col" class="wide">
              {replay.shareHead}
            </th>
          </tr>
        </thead>
        <tbody>
          {sites.map(({ name }, index) => (
            <Row key={name} name={name} index={index} />
          ))}
        </tbody>
      </table>
      <p class="note">
        {now === undefined ? "" : replay.routeless(count(now.routeless), percent(now.routeless / ases))}{" "}
        {replay.ties}
      </p>
    </Panel>
  );
}

function Row({ name, index }: { readonly name: string; readonly index: number }) {
  const { network, replay } = words.value;
  const { ases } = opening.value!;
  const site = frame.value?.sites[index];
  const first = firstFrame.value?.sites[index];
  if (site === undefined || first === undefined) return null;
  const change = site.routes - first.routes;
  const ratio = site.routes / ases;
  const state = network[site.isAnnounced ? "announced" : "withdrawn"];
  return (
    <tr class={site.isAnnounced && site.isServing ? "" : "bad"} data-site={name}>
      <th scope="row" class="site-code">
        {name}
      </th>
      <td>{site.isServing ? state : `${state}, ${replay.dead}`}</td>
      <td class="number">{count(site.routes)}</td>
      <td class={`number${change < 0 ? " changed" : ""}`}>
        {change === 0 ? "" : `${change < 0 ? "\u2212" : "+"}${count(Math.abs(change))}`}
      </td>
      <td>
        <div class="measure">
          <svg
            class="bar"
            viewBox={`0 0 ${BAR_WIDTH} 8`}
            preserveAspectRatio="none"
            height="8"
            aria-hidden="true"
          >
            <rect class="rail" width={BAR_WIDTH} height="8" />
            <rect class="fill" width={ratio * BAR_WIDTH} height="8" />
            <rect class="tick" x={(first.routes / ases) * BAR_WIDTH} width="0.8" height="8" />
          </svg>
          <span class="figure">{percent(ratio)}</span>
        </div>
      </td>
    </tr>
  );
}
