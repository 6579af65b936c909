/** The processes of the chosen site: what system, gateway and router say of each, and what it says itself. */
import type { PageNode } from "../../core/wire/page.ts";
import { megabytes } from "../model/figures.ts";
import { moodOf } from "../model/site-state.ts";
import { chosenSite, logs, status, usage, watch, words } from "../store.ts";
import { Panel } from "./panel.tsx";

const LOG_LINES_SHOWN = 2;

export function NodePanel() {
  const { nodes: said } = words.value;
  const site = status.value?.sites.find((known) => known.site === chosenSite.value);
  return (
    <Panel
      name="nodes"
      title={said.title(chosenSite.value)}
      {...(watch.value === undefined ? { command: "npx anycastle status" } : {})}
    >
      <div class="node-list">
        {site?.nodes.map((node) => (
          <Node key={node.node} node={node} />
        ))}
      </div>
    </Panel>
  );
}

function Node({ node }: { readonly node: PageNode }) {
  const { nodes: said, kill } = words.value;
  const used = usage.value?.get(node.node);
  const isOwn = used !== undefined && used.pid === node.pid;
  const lines = logs.value?.get(node.node) ?? [];
  const mood = moodOf(node);
  return (
    <article class={`node-card ${mood}`} aria-label={node.node}>
      <h3>
        <span class="dot" aria-hidden="true" />
        {node.node}
        <small>{node.fault === null ? processText(node) : kill.under(node.fault)}</small>
      </h3>
      <dl>
        <Fact name={said.pid} value={node.pid === null ? "–" : String(node.pid)} />
        <Fact
          name={said.cpu}
          title={said.cpuTitle}
          value={isOwn ? `${Math.round(used.cpuCores * 100)} %` : "–"}
        />
        <Fact name={said.memory} title={said.memoryTitle} value={isOwn ? megabytes(used.rssBytes) : "–"} />
        <Fact
          name={said.requests}
          title={said.requestsTitle}
          value={isOwn && used.requestsPerS !== null ? String(Math.round(used.requestsPerS)) : "–"}
        />
        <Fact name={said.gateway} value={node.gateway === null ? "–" : said.health[node.gateway]} />
        <Fact name={said.bgp} value={bgpText(node)} />
      </dl>
      <pre class="log" tabIndex={0} aria-label={said.log}>
        {lines.length === 0 ? (
          <span class="dim">{watch.value === undefined ? said.noLog : said.outOfReach}</span>
        ) : (
          lines.slice(-LOG_LINES_SHOWN).join("\n")
        )}
      </pre>
    </article>
  );
}

function processText({ process }: PageNode): string {
  return process === null ? "" : words.value.nodes.process[process];
}

function bgpText({ bgp, bfd }: PageNode): string {
  if (bgp === null) return "–";
  const session = words.value.nodes.session[bgp];
  return bfd === undefined ? session : `${session}, BFD ${bfd}`;
}

function Fact({
  name,
  value,
  title,
}: {
  readonly name: string;
  readonly value: string;
  readonly title?: string;
}) {
  return (
    <div {...(title === undefined ? {} : { title })}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
