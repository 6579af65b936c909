/**
 * The golden scenario in virtual time: the whole system (nodes, routers, Internet, gateway policy, clients) in one
 * synchronous loop. A run is a function of its options: the same journal, to the byte, whichever order the nodes were
 * started in.
 *
 *   boot -- load on -- test -- FAULT -- test -- ... detected, converged ... -- test -- REVIVE -- failback -- test
 */
import { Prng } from "#core/prng.ts";
import { invariant } from "#core/assert.ts";
import { BFD_DEFAULTS, detectionWindow, routerMultiplier, type BfdSettings } from "#core/detection.ts";
import { UserError } from "#core/errors.ts";
import type { FaultHow } from "#core/wire/faults.ts";
import { defaultWorld } from "#sim/topology/default-world.ts";
import { ACTOR, actorCount } from "./actors.ts";
import { EventLoop } from "./event-loop.ts";
import { ScenarioJournal } from "./scenario-journal.ts";
import { SimGateway, type GatewaySite } from "./sim-gateway.ts";
import { SimLoad } from "./sim-load.ts";
import { SimNetwork, type BfdTimes } from "./sim-network.ts";
import { SimNode } from "./sim-node.ts";
import { PLAN, TIMES, type ScenarioOptions, type ScenarioRun, type ScenarioTest } from "./scenario.ts";
import { summarize } from "./summarize.ts";
import { nodesOfSite, targetNamed, type Target } from "./target.ts";

const US_PER_S = 1_000_000;
const US_PER_MS = 1000;
const RATE_MAX = 10_000;

export const SCENARIO_DEFAULTS = {
  seed: 1,
  target: "ny1",
  how: "kill",
  mode: "anycast",
  rate: 500,
  nodesPerSite: 2,
  holdTimeS: 9,
  bfd: BFD_DEFAULTS,
} as const;

export function runScenario(given: Partial<ScenarioOptions> = {}): ScenarioRun {
  const options: ScenarioOptions = { ...SCENARIO_DEFAULTS, ...given, world: given.world ?? defaultWorld() };
  checkOptions(options);
  return new Scenario(options).play();
}

class Scenario {
  readonly #options: ScenarioOptions;
  readonly #target: Target;
  readonly #loop: EventLoop;
  readonly #journal: ScenarioJournal;
  readonly #network: SimNetwork;
  readonly #gateway: SimGateway;
  readonly #load: SimLoad;
  readonly #nodes = new Map<string, SimNode>();
  readonly #tests: ScenarioTest[] = [];

  constructor(options: ScenarioOptions) {
    const { seed, world, nodesPerSite, holdTimeS } = options;
    const bfd = bfdTimesOf(options.bfd);
    this.#options = options;
    this.#target = targetNamed(options.target, world, nodesPerSite);
    const prng = new Prng(seed);
    const nodesBySite = new Map(world.sites.map(({ site }) => [site, nodesOfSite(site, nodesPerSite)]));
    const ids = [...nodesBySite.values()].flat();
    this.#loop = new EventLoop(actorCount(ids.length));
    this.#journal = new ScenarioJournal(this.#loop);
    this.#network = new SimNetwork(this.#loop, this.#journal, {
      world,
      prng: prng.fork("internet"),
      holdUs: holdTimeS * US_PER_S,
      bfd,
      nodesBySite,
      onFeed: (lines) => this.#loop.after(ACTOR.gateway, TIMES.hopUs, () => this.#gateway.hear(lines)),
    });
    for (const id of startOrder(ids, options.shuffleStart)) {
      const index = ids.indexOf(id);
      const ofNode = prng.fork(`node/${id}`);
      const node = { index, id, holdUs: holdTimeS * US_PER_S, bfd, prng: ofNode };
      this.#nodes.set(id, new SimNode(this.#loop, this.#journal, this.#network, node));
    }
    const sites: GatewaySite[] = [...nodesBySite].map(([id, nodes]) => ({
      id,
      nodes: nodes.map((node) => this.#node(node)),
    }));
    this.#gateway = new SimGateway(this.#loop, this.#journal, sites, options.mode === "anycast-only");
    const vantages = world.vantages.map(({ vantage }) => vantage);
    this.#load = new SimLoad(this.#gateway, vantages, options.rate, prng.fork("load/plan"));
  }

  play(): ScenarioRun {
    const { seed, mode, how } = this.#options;
    this.#journal.emit("lab", { kind: "lab.started", seed, mode, version: "simulated" });
    for (const node of this.#nodes.values()) this.#loop.after(node.actor, 0, () => node.start());
    this.#gateway.start();
    this.#at(PLAN.loadUs, () => this.#load.start());
    this.#at(PLAN.testBeforeUs, () => this.#test("before"));
    const [min, max] = PLAN.faultUs;
    const faultUs = new Prng(seed).fork("scenario/fault").integer(min, max);
    const reviveUs = faultUs + this.#slowestDetectionUs(how) + PLAN.convergeUs + PLAN.testUs;
    const endUs = reviveUs + PLAN.failbackUs + PLAN.testUs;
    this.#at(faultUs, () => {
      this.#gateway.forgetEjections();
      this.#fail(how);
    });
    // The very next request after the order was carried out.
    this.#at(faultUs + TIMES.exitSeenUs, () => this.#test("next"));
    this.#at(reviveUs - PLAN.testUs, () => this.#test("during"));
    this.#at(reviveUs, () => this.#revive(how));
    this.#at(endUs - PLAN.testUs, () => this.#test("after"));
    this.#at(endUs, () => this.#load.stop());
    this.#loop.run(endUs + PLAN.lastRequestUs);
    this.#finish();
    const journal = this.#journal.events;
    return {
      journal,
      lines: this.#journal.lines(),
      hash: this.#journal.hash(),
      summary: summarize({
        options: this.#options,
        site: this.#target.site,
        journal,
        faultUs,
        reviveUs,
        ejectedUs: this.#gateway.firstEjectedUs,
        load: this.#load,
        gateway: this.#gateway.counts,
        tests: this.#tests,
        steps: this.#loop.count,
      }),
    };
  }

  #slowestDetectionUs(how: FaultHow): number {
    if (how === "kill") return 0;
    if (how === "shutdown") return TIMES.drainMaxUs;
    const { holdTimeS, bfd } = this.#options;
    return Math.ceil(detectionWindow(holdTimeS, bfd ?? undefined).maxMs * US_PER_MS);
  }

  #fail(how: FaultHow): void {
    const { target } = this.#options;
    const { nodes } = this.#target;
    this.#journal.emit("lab", { kind: "fault.injected", target, how, nodes });
    for (const id of nodes) {
      const node = this.#node(id);
      this.#hit(node, how);
      if (how === "shutdown") this.#awaitExit(node);
      else this.#at(this.#loop.nowUs + TIMES.exitSeenUs, () => this.#confirm(id, how));
    }
  }

  #hit(node: SimNode, how: FaultHow): void {
    switch (how) {
      case "shutdown":
        return node.terminate();
      case "kill":
        return node.kill();
      case "hang":
        return node.freeze();
      case "isolate":
        return node.cut("all");
      case "bgp-cut":
        return node.cut("bgp");
    }
  }

  #confirm(node: string, how: FaultHow): void {
    if (how === "kill" || how === "shutdown") {
      this.#journal.emit("lab", {
        kind: "process.exited",
        process: node,
        pid: this.#node(node).pid,
        code: how === "shutdown" ? 0 : null,
        signal: how === "kill" ? "SIGKILL" : null,
        wasAsked: true,
      });
    }
    const evidence = how === "kill" || how === "shutdown" ? "the process has exited" : "as modelled";
    this.#journal.emit("lab", { kind: "fault.confirmed", target: this.#options.target, how, node, evidence });
  }

  /** A node that leaves on its own terms is looked at until it has gone, at the latest a poll after its longest drain. */
  #awaitExit(node: SimNode): void {
    this.#at(this.#loop.nowUs + TIMES.drainPollUs, () => {
      if (node.isDown) this.#confirm(node.id, "shutdown");
      else this.#awaitExit(node);
    });
  }

  #revive(how: FaultHow): void {
    const { target } = this.#options;
    const { nodes } = this.#target;
    this.#journal.emit("lab", { kind: "revive.asked", target, nodes });
    for (const id of nodes) {
      const node = this.#node(id);
      if (how === "hang") node.thaw();
      else if (how === "isolate" || how === "bgp-cut") node.restore();
      else node.start();
      this.#journal.emit("lab", { kind: "fault.removed", target, how, node: id });
    }
  }

  #test(label: ScenarioTest["label"]): void {
    this.#load.test(label, (test) => this.#tests.push(test));
  }

  #finish(): void {
    const { counts } = this.#load;
    const failed = counts.failedGet + counts.failedPost;
    invariant(
      counts.ok + failed === counts.sent,
      `${counts.sent - counts.ok - failed} requests have no outcome`,
    );
    this.#journal.emit("load", {
      kind: "load.finished",
      sent: counts.sent,
      ok: counts.ok,
      failed,
      isVoid: false,
      voidReasons: [],
    });
    this.#journal.close();
  }

  #at(atUs: number, fn: () => void): void {
    this.#loop.after(ACTOR.lab, atUs - this.#loop.nowUs, fn);
  }

  #node(id: string): SimNode {
    const node = this.#nodes.get(id);
    invariant(node !== undefined, `there is no node ${id}`);
    return node;
  }
}

function startOrder(ids: readonly string[], shuffle: number | undefined): string[] {
  const order = [...ids];
  return shuffle === undefined ? order : new Prng(shuffle).fork("scenario/start-order").shuffle(order);
}

function bfdTimesOf(bfd: BfdSettings | null): BfdTimes | undefined {
  if (bfd === null) return undefined;
  const intervalUs = bfd.intervalMs * US_PER_MS;
  return {
    intervalUs,
    detectUs: intervalUs * bfd.multiplier,
    nodeDetectUs: intervalUs * routerMultiplier(bfd),
  };
}

function checkOptions({ seed, rate, nodesPerSite, holdTimeS, bfd }: ScenarioOptions): void {
  check("seed", seed, 0, 2 ** 32 - 1);
  check("rate", rate, 1, RATE_MAX);
  check("nodesPerSite", nodesPerSite, 1, 16);
  check("holdTimeS", holdTimeS, 3, 240);
  if (bfd === null) return;
  check("bfd.intervalMs", bfd.intervalMs, 1, 60_000);
  check("bfd.multiplier", bfd.multiplier, 1, 255);
}

function check(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new UserError("SCENARIO_OPTION", `${name} ${value} is no whole number between ${min} and ${max}`);
}
