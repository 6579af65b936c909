/**
 * The processes of a lab and their supervision: who runs, who is started again and when. A process that died unasked
 * comes back, later and later; one that was ended by order stays down until somebody asks for it. Nobody else is told:
 * gateway and simulator find out as they would in the world.
 *
 *     start:  guardian, simulator, gateway, first node  --ready-->  the other nodes     (cold cache)
 *             guardian, simulator, gateway, all nodes                                   (warm cache)
 *
 * A relay, where there is one, starts before the gateway: it stands at the addresses that the gateway looks for nodes at.
 */
import { after, type Timer } from "#core/host/clock.ts";
import type { CastConfig } from "#core/wire/cast.ts";
import type { ProcessStatus } from "#core/wire/control.ts";
import type { ProcessEvent } from "#core/wire/events.ts";
import type { CastPlan } from "./cast-plan.ts";
import { CastProcess, type ProcessExit } from "./cast-process.ts";
import { Guardian } from "./guardian/guardian.ts";
import { urlHost } from "./http-url.ts";
import type { Journal } from "./journal.ts";
import { NodeSlot } from "./node-slot.ts";
import { RestartPolicy } from "./restart-policy.ts";
import { until, within } from "./waiting.ts";

/** On a cold start: how long the first node may keep the others waiting. */
const FIRST_MS_MAX = 10_000;
/** A process that leaves and is wanted back: after that it is killed. */
const LEAVE_MS_MAX = 10_000;
/** For processes that were killed to be gone. */
const KILLED_MS_MAX = 5_000;

export interface CastOptions {
  readonly plan: CastPlan;
  readonly gatewayToken: string;
  /** For every process, the guardian too. */
  readonly environment: Readonly<Record<string, string>>;
}

export class Cast {
  readonly slots: readonly NodeSlot[];
  readonly #journal: Journal;
  readonly #options: CastOptions;
  readonly #guardian: Guardian;
  readonly #policies = new Map<string, RestartPolicy>();
  readonly #restarts = new Map<string, Timer>();
  #gatewayDocument: unknown;
  #sim: CastProcess | undefined;
  #gateway: CastProcess | undefined;
  #relay: CastProcess | undefined;
  #isStopping = false;

  /** Starts the guardian, and nobody else yet. */
  constructor(journal: Journal, options: CastOptions) {
    this.#journal = journal;
    this.#options = options;
    this.#gatewayDocument = options.plan.gatewayDocument;
    this.slots = options.plan.nodes.map((config) => new NodeSlot(config));
    this.#guardian = new Guardian(options.environment, (pid, code, signal) =>
      journal.emit({ kind: "process.exited", process: "guardian", pid, code, signal, wasAsked: false }),
    );
  }

  /** Starts those that everybody waits for. They say themselves when they can be used. */
  startFirst(): void {
    this.#startSim();
    this.#startRelay();
    this.#startGateway();
    this.startNode(this.slots[0]!);
  }

  /** Starts the other nodes, one in each turn of the loop: a start takes the system some 10 ms, and people watch. */
  async startOthers(isStaged: boolean): Promise<void> {
    const [first, ...others] = this.slots;
    if (isStaged) {
      const isFilled = (): boolean => first!.process?.isReady === true || this.#isStopping;
      await until(this.#journal, FIRST_MS_MAX, isFilled);
    }
    // Each site's first node before anybody's second: the map is whole sooner.
    for (const slot of others.sort((a, b) => this.#rank(a) - this.#rank(b))) {
      // An operator may have been quicker.
      if (slot.process === undefined) this.startNode(slot);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** When the lab is gone without having left, the guardian removes what it left in this directory. */
  clearAtEnd(runtimeDir: string): void {
    this.#guardian.clearAtEnd(runtimeDir, process.pid);
  }

  /** From its next start on the gateway listens there. */
  moveGateway(host: string, port: number): void {
    const document = this.#gatewayDocument as Readonly<Record<string, unknown>>;
    this.#gatewayDocument = { ...document, listen: `${urlHost(host)}:${port}` };
  }

  get isGatewayReady(): boolean {
    return this.#gateway?.isReady === true;
  }

  /** True where there is none. */
  get isRelayReady(): boolean {
    return this.#options.plan.relay === undefined || this.#relay?.isReady === true;
  }

  processes(): ProcessStatus[] {
    const { pid } = this.#guardian;
    return [
      statusOf("sim", this.#sim),
      statusOf("gateway", this.#gateway),
      ...(this.#options.plan.relay === undefined ? [] : [statusOf("relay", this.#relay)]),
      { process: "guardian", pid, state: pid === null ? "exited" : "running" },
    ];
  }

  /** By order: a start that was put off happens now, and past deaths are forgiven. */
  startNode(slot: NodeSlot): void {
    if (this.#isStopping) return;
    this.#restarts.get(slot.node)?.cancel();
    this.#policy(slot.node).reset();
    this.#launchNode(slot);
  }

  /** As `startNode`, once the process that still leaves has gone. */
  restartNode(slot: NodeSlot): void {
    const { process: old } = slot;
    if (old?.isRunning !== true) return this.startNode(slot);
    slot.isReturning = true;
    within(old.exited, LEAVE_MS_MAX, `${slot.node} did not end`)
      .catch(() => {
        old.end("SIGKILL");
        return old.exited;
      })
      .then(() => {
        slot.isReturning = false;
        this.startNode(slot);
      })
      .catch(() => undefined);
  }

  /** From now on nobody is started any more. The gateway finishes what is open, for `drainMs`; then all are killed. */
  async stop(drainMs: number): Promise<void> {
    this.#beStopping();
    if (this.#gateway?.isRunning === true) {
      this.#gateway.end("SIGTERM");
      await within(this.#gateway.exited, drainMs, "the gateway did not end").catch(() => undefined);
    }
    this.kill();
    const ends = Promise.all(this.#running().map((child) => child.exited));
    await within(ends, KILLED_MS_MAX, "a killed process did not end").catch(() => undefined);
    await this.#guardian.dismiss();
  }

  /** All at once, frozen ones too. A `stop` under way ends with it. */
  kill(): void {
    this.#beStopping();
    for (const child of this.#running()) child.end("SIGKILL");
  }

  #beStopping(): void {
    this.#isStopping = true;
    for (const timer of this.#restarts.values()) timer.cancel();
  }

  #startSim(): void {
    this.#sim = this.#spawn("sim", this.#options.plan.sim, () => this.#startSim());
  }

  #startRelay(): void {
    const { relay } = this.#options.plan;
    if (relay !== undefined) this.#relay = this.#spawn("relay", relay, () => this.#startRelay());
  }

  #startGateway(): void {
    const config = {
      process: "gateway",
      document: this.#gatewayDocument,
      adminToken: this.#options.gatewayToken,
    } as const;
    this.#gateway = this.#spawn("gateway", config, () => this.#startGateway());
  }

  #launchNode(slot: NodeSlot): void {
    slot.process = this.#spawn(slot.node, slot.config, () => this.#launchNode(slot), slot);
  }

  #spawn(name: string, config: CastConfig, startAgain: () => void, slot?: NodeSlot): CastProcess {
    const child = new CastProcess({
      name,
      role: config.process,
      config,
      environment: this.#options.environment,
      onEvent: (event: ProcessEvent) => this.#journal.append(event),
      onExit: (exit) => this.#ended(name, exit, startAgain, slot),
    });
    this.#guardian.watch(child.pid);
    this.#journal.emit({ kind: "process.started", process: name, pid: child.pid });
    return child;
  }

  #ended(name: string, exit: ProcessExit, startAgain: () => void, slot: NodeSlot | undefined): void {
    this.#guardian.forget(exit.pid);
    const { pid, code, signal, atNs } = exit;
    const wasAsked = exit.wasAsked || this.#isStopping;
    this.#journal.emit({ kind: "process.exited", process: name, pid, code, signal, wasAsked }, atNs);
    if (wasAsked) return;
    if (slot !== undefined) this.#endFault(slot);
    const { attempt, delayMs } = this.#policy(name).died(exit.upMs);
    this.#journal.emit({ kind: "process.restarting", process: name, attempt, delayMs });
    this.#restarts.set(name, after(delayMs, startAgain));
  }

  /** A fault that needs a living process ends with it. */
  #endFault(slot: NodeSlot): void {
    const { node, fault: how } = slot;
    if (how === null) return;
    slot.fault = null;
    this.#journal.emit({ kind: "fault.removed", target: node, how, node });
  }

  /** 0 for the first node of a site. */
  #rank(slot: NodeSlot): number {
    return this.slots.filter(({ config }) => config.site === slot.config.site).indexOf(slot);
  }

  #policy(name: string): RestartPolicy {
    let policy = this.#policies.get(name);
    if (policy === undefined) {
      policy = new RestartPolicy();
      this.#policies.set(name, policy);
    }
    return policy;
  }

  #running(): CastProcess[] {
    const children = [this.#gateway, this.#sim, this.#relay, ...this.slots.map((slot) => slot.process)];
    return children.filter((child) => child?.isRunning === true) as CastProcess[];
  }
}

function statusOf(process: string, child: CastProcess | undefined): ProcessStatus {
  if (child?.isRunning !== true) return { process, pid: null, state: "exited" };
  return { process, pid: child.pid, state: child.isReady ? "running" : "starting" };
}
