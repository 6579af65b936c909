/**
 * BIRD's configuration of a router of the lab: Gao and Rexford's policy as filters. The local preference is the class of
 * the route, and by it what may be told to whom is decided.
 *
 *     import    customer 300, peer 200, provider 100; with GRACEFUL_SHUTDOWN (RFC 8326) 30, 20, 10
 *     export    to customers everything, to peers and providers what is of customers, or one's own
 *
 * Ties: `prefer older` off, so that after the length of the path the lowest router id decides, which ascends with the AS
 * number (BIRD manual, BGP, "Route selection rules").
 *
 * Beside the sessions stands a protocol that speaks with nobody and is told each new best route: what it notes in the log
 * is when the best path changed. What sessions note does not say: an import that makes the best route worse, so that
 * another becomes the best, looks like one that concerns no best route.
 */
import { RELATION } from "#sim/topology/as-graph.ts";
import {
  ORIGIN_AS,
  otherEnd,
  PREFIX,
  relationAt,
  type LabLink,
  type LabRouter,
  type LabTopology,
} from "./topology.ts";

/** How a site announces. */
export interface SiteAnnouncement {
  readonly prepends: number;
  readonly isGraceful: boolean;
}

const CLASSES = {
  [RELATION.customer]: { preference: 300, graceful: 30, to: "accept;" },
  [RELATION.peer]: { preference: 200, graceful: 20, to: "tell_upwards();" },
  [RELATION.provider]: { preference: 100, graceful: 10, to: "tell_upwards();" },
} as const;

/** Name of the protocol that is told best routes alone. */
export const OBSERVER = "observer";

export function addressOf({ index, a }: LabLink, vertex: number): string {
  return `10.200.${index}.${vertex === a ? 1 : 2}`;
}

/** Name of a link's interface at both ends. */
export function interfaceOf({ index }: LabLink): string {
  return `link${index}`;
}

/** Name of the protocol that speaks with the other end of a link. */
export function protocolOf({ index }: LabLink): string {
  return `bgp${index}`;
}

export function birdConfig(
  { links, routers }: LabTopology,
  router: LabRouter,
  announcement: SiteAnnouncement,
  logFile: string,
): string {
  const own = links.filter(({ a, b }) => a === router.vertex || b === router.vertex);
  const said = [
    `log "${logFile}" all;`,
    "timeformat log iso long us;",
    `router id ${router.routerId};`,
    "protocol device { scan time 1; }",
    'protocol bfd { interface "link*" { interval 100 ms; multiplier 3; }; }',
    `protocol rip ${OBSERVER} { debug { routes }; ipv4 { import none; export all; }; }`,
    "function tell_upwards() {",
    "  if source = RTS_STATIC then accept;",
    "  if bgp_local_pref = 300 || bgp_local_pref = 30 then accept;",
    "  reject;",
    "}",
  ];
  if (router.site !== undefined) {
    said.push(`protocol static origin { ipv4; route ${PREFIX} blackhole; }`);
  }
  for (const link of own) {
    const neighbor = routers[otherEnd(link, router.vertex)]!;
    said.push(...session(link, router, neighbor, announcement));
  }
  return `${said.join("\n")}\n`;
}

function session(
  link: LabLink,
  router: LabRouter,
  neighbor: LabRouter,
  announcement: SiteAnnouncement,
): string[] {
  const relation = relationAt(link, router.vertex) as keyof typeof CLASSES;
  const { preference, graceful, to } = CLASSES[relation];
  const isSiteLink = router.site !== undefined || neighbor.site !== undefined;
  return [
    `protocol bgp ${protocolOf(link)} {`,
    `  local ${addressOf(link, router.vertex)} as ${router.asn};`,
    `  neighbor ${addressOf(link, neighbor.vertex)} as ${neighbor.asn};`,
    "  direct;",
    "  prefer older off;",
    "  hold time 9; keepalive time 3; connect delay time 1; connect retry time 2; error wait time 1, 2;",
    ...(isSiteLink ? ["  bfd on;"] : []),
    "  ipv4 {",
    "    import filter {",
    `      bgp_local_pref = ${preference};`,
    `      if (65535, 0) ~ bgp_community then bgp_local_pref = ${graceful};`,
    "      accept;",
    "    };",
    "    export filter {",
    ...(router.site === undefined
      ? [`      ${to}`]
      : [
          "      if source != RTS_STATIC then reject;",
          ...Array.from({ length: announcement.prepends }, () => `      bgp_path.prepend(${ORIGIN_AS});`),
          ...(announcement.isGraceful ? ["      bgp_community.add((65535, 0));"] : []),
          "      accept;",
        ]),
    "    };",
    "  };",
    "}",
  ];
}
