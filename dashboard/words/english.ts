/** The page's words in English; the shape that every other language fills (`chinese.ts`). */
import type { FaultHow } from "../../core/wire/faults.ts";
import type { StoryItem } from "../model/story.ts";

/** Cities are named by the lab; a language may have its own names, by vantage. */
export const ENGLISH = {
  code: "en" as string,
  languageName: "English",
  cities: {} as Readonly<Record<string, string>>,
  tagline: "an anycast edge that you can knock down and watch heal",
  state: {
    connecting: "connecting",
    lost: "connection lost, trying again",
    starting: "the cast is starting",
    inService: "all in service",
    degraded: (count: number): string => `${count} ${count === 1 ? "node" : "nodes"} out`,
    gatewaySilent: "the gateway does not answer",
    simulatorSilent: "the simulator does not answer: its last word is shown",
    stale: "catchment feed lost: last routes stay in force",
  },
  toggle: { theme: "Dark or light", language: "中文" },
  lookOnly: {
    title: "Looking only.",
    how: "To break things from here, open the link that the terminal printed, or type",
    used: "That link was used already, or is of another run. Type",
  },
  map: {
    title: "Who serves whom",
    emulated:
      "Real: processes, sockets, requests, BGP sessions. Emulated: the distance of each round trip and BGP's way through the Internet.",
    apart: "Shenzhen and Hong Kong are drawn apart.",
    legend: {
      announced: "announced",
      graceful: "graceful shutdown",
      withdrawn: "withdrawn",
      moved: "served by another site",
    },
    site: (site: string, city: string, network: string, well: number, all: number): string =>
      `${site}, ${city}: ${network}, ${well} of ${all} nodes well`,
    arc: (city: string, site: string): string => `${city} is served by ${site}`,
    unreachable: "no route",
    summary: (parts: string): string => `Map of the world. ${parts}`,
  },
  network: { announced: "announced", graceful: "asks to be avoided", withdrawn: "withdrawn" },
  table: {
    title: (cities: number): string => `Speed test from ${cities} cities`,
    caption: "Medians of cold requests, taken at the same time from each city",
    city: "City",
    status: "Status",
    site: "Site",
    ttfb: "First byte",
    delta: "Change",
    floor: "Floor",
    single: "One site",
    unit: "ms",
    floorTitle: "Light in fibre there and back, three times: no answer can be faster. Computed.",
    singleTitle: "Were New York the only site: 25 ms and three round trips. Computed.",
    deltaTitle: "Against the last test before the fault",
    run: "Test now",
    running: "Testing …",
    failed: "failed",
    mixed: "mixed",
    showHead: (city: string): string => `${city}: show the response as it came`,
  },
  head: {
    title: (city: string): string => `Answer to ${city}`,
    none: "Run a test, then choose a city to see what its last answer looked like.",
    noAnswer: (error: string): string => `There was no answer: ${error}.`,
    by: (node: string, connect: string, ttfb: string): string =>
      `from ${node} · connected ${connect} · first byte ${ttfb}`,
  },
  story: {
    titleFault: "Since the fault",
    titleStart: "Since the start",
    detected: "detected",
    withdrawn: "withdrawn",
    converged: "moved",
    detectedTitle: "The gateway took the first node out",
    withdrawnTitle: "The router withdrew the site from the Internet",
    convergedTitle: "The last city so far has moved",
    empty: "Nothing has happened yet.",
    line: storyLine,
  },
  counters: {
    title: "Load",
    planned: "planned",
    sent: "sent",
    failed: "failed",
    rescued: "rescued",
    bound: "failure rate at most",
    ratio: "failure rate",
    boundTitle: "Nothing failed in n requests: with 95 % confidence the true rate is at most 3/n",
    rescuedTitle: "Answered by another node or site after the first one had failed; the client saw nothing",
    posts: (count: number): string => `${count} POST`,
    postsTitle: "A POST may not be sent twice, so a gateway cannot rescue it once a node may have begun it",
    start: "Start load",
    stop: "Stop load",
    rate: "Requests a second",
    off: "no load",
    perSecond: (rate: number): string => `${rate}/s`,
  },
  chart: {
    title: "Latency under load",
    p50: "median",
    p99: "p99",
    ttfb: "first byte",
    failures: "failed",
    empty: "Start the load to see latency as clients see it.",
    summary: (p50: string, p99: string): string => `Now: median ${p50}, 99th percentile ${p99}`,
    seconds: (count: number): string => `last ${count} s; p99: worst in each 0.5 s`,
  },
  kill: {
    title: "Kill switch",
    target: "What",
    wholeSite: "whole site",
    how: "How",
    arm: "Arm",
    confirm: (how: string, target: string): string => `Confirm: ${how} ${target}`,
    armed: (how: string, target: string): string => `Armed: ${how} ${target}. Confirm, or press Escape.`,
    cancel: "Cancel",
    revive: (target: string): string => `Revive ${target}`,
    drain: (target: string): string => `Drain ${target}`,
    reset: "Reset all",
    under: (fault: string): string => `under "${fault}"`,
    done: (what: string): string => `${what}: done`,
    doing: (what: string): string => `${what} …`,
  },
  watched: {
    title: "Watching only",
    why: "No kill switch: this page did not start the cast and cannot end a part of it. Where it runs in containers, a terminal does:",
    times: (seconds: number): string =>
      `Times are those at which this page's service noticed: routes at once, sessions and the gateway's verdicts up to ${seconds} s late.`,
    story: "What was seen",
    requestsTitle: "Requests at the gateway",
    requests: "requests",
    failedTitle: "Answered by the gateway itself, because no node could",
    hedged: "hedged",
    hedgedTitle: "Asked of a second node because the first was silent",
    pace: (seconds: number): string => `one request each, every ${seconds} s`,
    noTest: "not measured",
  },
  how: {
    shutdown: "SIGTERM: asks others to go elsewhere, serves what is left, withdraws, exits.",
    kill: "SIGKILL: the process is gone; the kernel closes its sockets.",
    hang: "SIGSTOP: the process is frozen; the kernel still accepts connections for it.",
    isolate: "A pulled cable: the process lives, every socket of it goes silent.",
    "bgp-cut": "Only BGP goes silent; HTTP lives. Nothing is lost, the routes move.",
  } satisfies Record<FaultHow, string> as Readonly<Record<FaultHow, string>>,
  nodes: {
    title: (site: string): string => `Nodes of ${site}`,
    pid: "pid",
    cpu: "CPU",
    memory: "memory",
    requests: "req/s",
    cpuTitle: "Share of one core; 100 % is one core all the time",
    memoryTitle: "Resident memory",
    requestsTitle: "Requests the gateway gave it, per second",
    gateway: "gateway",
    bgp: "BGP",
    log: "Last lines of its log",
    noLog: "It has logged nothing.",
    outOfReach: "Out of reach from here: pid, CPU, memory, log.",
    process: {
      running: "running",
      starting: "starting",
      stopped: "stopped",
      exited: "exited",
      frozen: "frozen",
    },
    health: {
      unproven: "unproven",
      healthy: "healthy",
      unhealthy: "unhealthy",
      ejected: "ejected",
      draining: "draining",
    },
    session: { up: "up", down: "down" },
  },
  replay: {
    recording: "a recording of a simulated change",
    run: (run: number): string => `run ${run}`,
    ases: (count: string): string => `${count} ASes`,
    mapTitle: "Where routes lead",
    mapNote:
      "Discs by area: the part of all ASes whose route leads there at this moment of this run. All of it simulated.",
    dead: "dead",
    site: (site: string, state: string, routes: string, share: string): string =>
      `${site}: ${state}, routes of ${routes} ASes (${share}) lead there`,
    timeline: "Timeline",
    moment: "Moment of the recording",
    after: (time: string): string => `${time} after it began`,
    curve: "What becomes of packets, over the whole recording; click to go to a moment",
    fates: { right: "arrive", wrong: "at a dead site", lost: "nowhere", looping: "in a circle" },
    toStart: "To the start",
    backwards: "Backwards",
    play: "Play",
    pause: "Pause",
    toEnd: "To the end",
    speed: "Speed",
    packets: "What becomes of packets",
    changes: "changes so far",
    messages: (count: string): string => `${count} messages`,
    affected: (count: string): string =>
      `Of the ${count} ASes whose route changes in this recording, each counted once and followed hop by hop.`,
    sites: "Sites at this moment",
    sitesCaption: "Each site, whether it is announced, and how many ASes' routes lead there",
    siteHead: "Site",
    stateHead: "State",
    routesHead: "ASes",
    changeHead: "Change",
    shareHead: "Of all; stroke: at first",
    routeless: (count: string, share: string): string => `No route: ${count} (${share}).`,
    ties: "One run of the model: where equally good paths exist, the lowest AS number decides.",
    happened: "What happened",
    settled: (percent: number): string => `${percent} % of those that move have their last site`,
  },
  command: {
    copy: (command: string): string => `Copy the command that shows this: ${command}`,
    copied: "copied",
    select: "select and copy",
  },
};

export type Words = typeof ENGLISH;

export type NameOf = (vantage: string) => string;

function storyLine({ event, sort }: StoryItem, nameOf: NameOf): string {
  switch (event.kind) {
    case "lab.started":
      return `lab started, seed ${event.seed}`;
    case "lab.ready":
      return "all sites in service";
    case "fault.injected":
      return `${event.how} ${event.target}`;
    case "drain.started":
      return `drain ${event.target}`;
    case "fault.confirmed":
      return `${event.node}: ${event.how} confirmed`;
    case "drain.finished":
      return `${event.node} has drained, ${event.requestsOpen} requests open`;
    case "load.failed":
      return `first failure: ${event.method} from ${nameOf(event.vantage)}, ${event.reason}`;
    case "gateway.failed":
      return `first failure: ${event.method} from ${nameOf(event.vantage)}, ${event.failure}`;
    case "gateway.window":
      return `first requests rescued: ${event.rescued} in 100 ms`;
    case "gateway.node":
      return sort === "detected"
        ? `gateway takes ${event.node} out (${event.reason})`
        : `gateway trusts ${event.node} again`;
    case "router.session":
      return `router ${event.site} loses ${event.node} (${event.reason})`;
    case "bfd.session":
      return event.detectMs === null
        ? `BFD with ${event.node} is down (${event.reason})`
        : `BFD: ${event.node} silent for ${Math.round(event.detectMs)} ms`;
    case "site.withdrawn":
      return `${event.site} withdrawn from the Internet`;
    case "site.announced":
      return event.isGracefulShutdown ? `${event.site} asks to be avoided` : `${event.site} announced`;
    case "vantage.moved":
      return `${nameOf(event.vantage)}: ${event.from ?? "no route"} → ${event.to ?? "no route"}`;
    case "routes.settled":
      return "routes settled";
    case "revive.asked":
      return `revive ${event.target}`;
    case "reset.done":
      return "reset done";
    default:
      return event.kind;
  }
}
