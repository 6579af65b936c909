/** Our side: an edge node or the simulator, as the process that the lab would start, in a namespace. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import type { CastCommand, NodeBgpConfig, NodeConfig, RouterConfig, SimConfig } from "#core/wire/cast.ts";
import type { EventKind, ProcessEvent } from "#core/wire/events.ts";
import { nodeConfigOf, nodeSchema } from "#edge-nodes/config.ts";
import { simConfigOf, simSchema } from "#sim/serve/config.ts";
import type { Link } from "./namespaces.ts";
import { Program, until } from "./program.ts";

export const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
const CAST = `${PROJECT}bin/cast.js`;
export const PREFIX = "203.0.113.0/24";
/** As in the example configurations. */
export const ROUTER_AS = 64_500;
export const NODE_AS = 64_501;
export const NODE_ID = "10.0.0.1";

type EventOf<K extends EventKind> = Extract<ProcessEvent, { kind: K }>;

export class CastMember {
  readonly program: Program;
  readonly events: ProcessEvent[] = [];

  constructor(link: Link, side: "router" | "node", config: NodeConfig | SimConfig) {
    this.program = new Program(link, side, [process.execPath, CAST, config.process], (line) =>
      this.events.push(JSON.parse(line) as ProcessEvent),
    );
    this.program.say(JSON.stringify(config));
  }

  command(command: CastCommand): void {
    this.program.say(JSON.stringify(command));
  }

  /** The first event at or behind `from` of that kind and with those fields. */
  until<K extends EventKind>(kind: K, fields: Partial<EventOf<K>> = {}, from = 0): Promise<EventOf<K>> {
    const wanted = Object.entries({ kind, ...fields });
    const isIt = (event: ProcessEvent): boolean => {
      const given: Record<string, unknown> = { ...event };
      return wanted.every(([name, value]) => given[name] === value);
    };
    return until(
      `${kind} ${JSON.stringify(fields)}`,
      () => this.events.slice(from).find(isIt) as EventOf<K> | undefined,
      20_000,
      () => this.program.lines.slice(-20).join("\n"),
    );
  }

  /** Events of a kind so far, without source and time. */
  told<K extends EventKind>(kind: K): EventOf<K>[] {
    return this.events.filter((event): event is EventOf<K> => event.kind === kind);
  }
}

/** The node that `anycastle node -c examples/bird/node.yaml` starts. */
export function exampleNode(): NodeConfig {
  const document: unknown = parse(readFileSync(`${PROJECT}examples/bird/node.yaml`, "utf8"));
  return nodeConfigOf(nodeSchema.parse(document));
}

/** The simulator that `anycastle sim serve -c examples/bird/sim.yaml` starts. */
export function exampleSimulator(): SimConfig {
  const document: unknown = parse(readFileSync(`${PROJECT}examples/bird/sim.yaml`, "utf8"));
  return simConfigOf(simSchema.parse(document), 1);
}

/** The node of the examples, with changes; without BFD, so that hold times and ends of connections are what counts. */
export function startNode(link: Link, changes: Partial<NodeBgpConfig> = {}): CastMember {
  const example = exampleNode();
  const { bfd: _, ...bgp } = example.bgp!;
  return new CastMember(link, "node", {
    ...example,
    // Longer than a look at the router takes, so that the goodbye is seen before the withdrawal.
    drain: { quietMs: 1500, maxMs: 3000 },
    bgp: { ...bgp, ...changes },
  });
}

/** The simulator of the examples: its router of `ny1` knows one node, `ny1-1`. */
export function startSimulator(link: Link, holdTimeS: number, hasBfd = false): CastMember {
  const example = exampleSimulator();
  const routers = hasBfd ? example.routers : example.routers.map(withoutBfd);
  return new CastMember(link, "router", { ...example, holdTimeS, routers });
}

function withoutBfd(router: RouterConfig): RouterConfig {
  const { bfd: _, ...rest } = router;
  return rest;
}
