/**
 * The keeper at work: does what its machine decides, tells it how that went, and writes the ledger. It outlives whoever ordered a
 * fault; whose connection goes has its faults removed.
 */
import { after, nowMs, type Timer } from "#core/host/clock.ts";
import { randomHex } from "#core/host/random.ts";
import { EXIT, messageOf, UserError } from "#core/errors.ts";
import type { EndReason, FaultAttributes, FaultCall, FaultOrder, FaultReport } from "#core/wire/keeper.ts";
import type { EmbeddedCast, EmbeddedNode } from "./embedded-cast.ts";
import {
  KEEPER_RULES,
  KeeperMachine,
  type FaultView,
  type KeeperRules,
  type KeeperStep,
  type Refusal,
  type StepResult,
} from "./keeper-machine.ts";
import { faultKind } from "./kinds/registry.ts";
import type { EmbeddedScene, FaultKind } from "./kinds/kind.ts";
import type { LedgerRecord } from "./ledger.ts";

const ID_BYTES = 4;

export interface KeeperParts {
  readonly cast: EmbeddedCast;
  /** Rejects when the disk refuses. */
  readonly append: (record: LedgerRecord) => Promise<void>;
  readonly rules?: KeeperRules;
}

export class Keeper {
  readonly #parts: KeeperParts;
  readonly #machine: KeeperMachine;
  readonly #rules: KeeperRules;
  readonly #listeners = new Set<(report: FaultReport) => void>();
  /** What was last told of each. */
  readonly #told = new Map<string, string>();
  /** Drills whose process is connected. */
  readonly #owned = new Set<string>();
  /** Times that everything, or all of a drill, was to go. */
  #resets = 0;
  #timer: Timer | undefined;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
    this.#rules = parts.rules ?? KEEPER_RULES;
    this.#machine = new KeeperMachine(this.#rules);
  }

  get isClean(): boolean {
    return this.#machine.isClean;
  }

  /** All that are not gone. */
  reports(): FaultReport[] {
    const atMs = nowMs();
    return this.#machine.views(atMs).map((view) => reportOf(view, atMs));
  }

  /** Called with each change, until the returned function is. */
  subscribe(listener: (report: FaultReport) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What another keeper left is undone. */
  replay(orders: readonly FaultOrder[]): void {
    const atMs = nowMs();
    for (const order of orders) this.#machine.replay(order, atMs);
    this.#turn();
  }

  /** Resolves when it was seen to work; throws when it is refused, or was given up. */
  async order(call: FaultCall): Promise<FaultReport> {
    const faulty = faultKind(call.kind);
    const { kind } = faulty;
    const attributes = attributesOf(faulty, call);
    const { drill = null, target, ttlMs } = call;
    const same = this.#sameAs(call, kind);
    if (same !== undefined) return same;
    const resets = this.#resets;
    const nodes = await this.#parts.cast.nodesOf(target);
    // What was to go while it was on its way here goes: nobody would remove it before its time.
    if (resets !== this.#resets || (drill !== null && !this.#owned.has(drill))) throw overtaken(drill);
    if (nodes === undefined) throw noLab();
    refuseUnwell(nodes, this.reports());
    const order: FaultOrder = {
      id: call.id ?? `${kind}-${randomHex(ID_BYTES)}`,
      kind,
      target,
      targets: nodes.map(({ node }) => node),
      attributes,
      ttlMs,
      drill,
    };
    const end = this.#until(order.id, ({ phase }) => phase === "held" || phase === "gone");
    const refusal = this.#machine.order(order, nowMs());
    if (refusal !== undefined) throw refused(refusal, order, this.#rules, this.reports());
    this.#turn();
    const report = await end;
    if (report.phase === "held") return report;
    throw givenUp(report);
  }

  /** Whoever orders a fault that is in force under the same name, of the same kind and target, has it. */
  #sameAs({ id, target }: FaultCall, kind: string): FaultReport | undefined {
    const known = this.reports().find((report) => report.id === id);
    const isSame = known?.kind === kind && known.target === target && known.phase === "held";
    return isSame ? known : undefined;
  }

  /** Resolves when it was seen to be gone, or after `waitMs`. Throws `FAULT_UNKNOWN`. */
  async remove(id: string, waitMs: number): Promise<FaultReport> {
    if (this.#machine.view(id, nowMs()) === undefined) {
      throw new UserError("FAULT_UNKNOWN", `no fault is called "${id.slice(0, 80)}"`, {
        hint: "`anycastle fault list` names those in force",
      });
    }
    return (await this.#removeAnd([id], "asked", waitMs))[0]!;
  }

  /** Its process is connected from now on; until `disown` it may order faults. Throws `DRILL_OWNED`. */
  own(drill: string): void {
    if (this.#owned.has(drill)) {
      throw new UserError("DRILL_OWNED", `another process has the drill ${drill} already`, {
        exitCode: EXIT.failure,
      });
    }
    this.#owned.add(drill);
  }

  /** Its process has gone: so do its faults. */
  disown(drill: string, waitMs: number): Promise<FaultReport[]> {
    this.#owned.delete(drill);
    return this.removeAll("owner-gone", waitMs, drill);
  }

  /** Likewise, of all, or of one drill. */
  removeAll(why: EndReason, waitMs: number, drill?: string): Promise<FaultReport[]> {
    this.#resets += 1;
    const ids = this.reports()
      .filter((report) => drill === undefined || report.drill === drill)
      .map(({ id }) => id);
    return this.#removeAnd(ids, why, waitMs);
  }

  /** Nothing is taken any more, all is removed. Resolves when all is gone, or after `waitMs`. */
  async close(why: EndReason, waitMs: number): Promise<void> {
    this.#machine.close(why, nowMs());
    await this.removeAll(why, waitMs);
    this.#timer?.cancel();
  }

  async #removeAnd(ids: readonly string[], why: EndReason, waitMs: number): Promise<FaultReport[]> {
    const ends = ids.map((id) => this.#until(id, ({ phase }) => phase === "gone", waitMs));
    const atMs = nowMs();
    for (const id of ids) this.#machine.remove(id, why, atMs);
    this.#turn();
    return Promise.all(ends);
  }

  /** The first report of it for which `isIt`, or the one after `waitMs`. */
  #until(id: string, isIt: (report: FaultReport) => boolean, waitMs?: number): Promise<FaultReport> {
    const { promise, resolve } = Promise.withResolvers<FaultReport>();
    const stop = this.subscribe((report) => {
      if (report.id === id && isIt(report)) resolve(report);
    });
    const late = (): void => {
      const atMs = nowMs();
      const view = this.#machine.view(id, atMs);
      if (view !== undefined) resolve(reportOf(view, atMs));
    };
    const timer = waitMs === undefined ? undefined : after(waitMs, late);
    return promise.finally(() => {
      stop();
      timer?.cancel();
    });
  }

  #turn(): void {
    const atMs = nowMs();
    this.#machine.tick(atMs);
    for (const step of this.#machine.takeSteps()) void this.#carryOut(step);
    for (const view of this.#machine.views(atMs)) this.#tell(view, atMs);
    this.#timer?.cancel();
    const nextMs = this.#machine.nextTickMs();
    if (nextMs < Infinity) this.#timer = after(nextMs - nowMs(), () => this.#turn());
  }

  #tell(view: FaultView, atMs: number): void {
    const { id } = view.order;
    const said = `${view.phase}/${view.end}/${view.isResidual}`;
    if (this.#told.get(id) !== said) {
      this.#told.set(id, said);
      const report = reportOf(view, atMs);
      for (const listener of this.#listeners) listener(report);
    }
    if (view.phase !== "gone") return;
    // Lost, it is removed once more by whoever finds the ledger, which does no harm.
    this.#parts.append({ do: "gone", id }).catch(() => undefined);
    this.#machine.forget(id);
    this.#told.delete(id);
  }

  async #carryOut(step: KeeperStep): Promise<void> {
    const result = await this.#try(step);
    this.#machine.done(step, result, nowMs());
    this.#turn();
  }

  async #try({ step, order }: KeeperStep): Promise<StepResult> {
    try {
      if (step === "write") {
        await this.#parts.append({ do: "arm", order });
        return { ok: true, evidence: "written" };
      }
      return { ok: true, evidence: await this.#act(step, order) };
    } catch (error) {
      return { ok: false, evidence: messageOf(error) };
    }
  }

  async #act(step: Exclude<KeeperStep["step"], "write">, order: FaultOrder): Promise<string> {
    const { cast } = this.#parts;
    const fault = faultKind(order.kind).embedded;
    const nodes = await cast.nodesOf(order.target);
    if (nodes === undefined) {
      if (step === "remove" || step === "prove") return "the lab has gone, and its cast with it";
      throw noLab();
    }
    const scene: EmbeddedScene = { cast, target: order.target, nodes, attributes: order.attributes };
    switch (step) {
      case "inject":
        await fault.inject(scene);
        return "injected";
      case "verify":
        return fault.verify(scene);
      case "remove":
        await fault.remove(scene);
        return "removal was ordered";
      case "prove":
        return fault.prove(scene);
    }
  }
}

function reportOf(view: FaultView, atMs: number): FaultReport {
  const {
    order,
    phase,
    end,
    evidence,
    failure,
    goneAtMs,
    isResidual,
    removedAtMs,
    removingSinceMs,
    untilMs,
  } = view;
  const hasEnded = end !== undefined;
  return {
    ...order,
    phase,
    end: end ?? null,
    leftMs: hasEnded ? null : Math.max(0, Math.round(untilMs - atMs)),
    removedMs: sinceOf(removedAtMs, removingSinceMs),
    goneMs: sinceOf(goneAtMs, removingSinceMs),
    isResidual,
    evidence,
    failure,
  };
}

/** With defaults filled in, and as strong as the intensity says. */
function attributesOf(
  { attributes: schema, kind, scaled }: FaultKind,
  { attributes: given = {}, intensity = 1 }: FaultCall,
): FaultAttributes {
  const whole = parsedAttributes(kind, schema, given);
  if (intensity === 1) return whole;
  if (scaled !== undefined) {
    return parsedAttributes(kind, schema, {
      ...whole,
      [scaled]: Math.round(Number(whole[scaled]) * intensity),
    });
  }
  throw new UserError("INTENSITY_INVALID", `${kind} is there or it is not: ${intensity} of it cannot be`, {
    hint: "leave the intensity out, or choose a kind with a share, such as http_error",
  });
}

function parsedAttributes(
  kind: string,
  schema: FaultKind["attributes"],
  given: FaultAttributes,
): FaultAttributes {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data as FaultAttributes;
  const [issue] = parsed.error.issues;
  const known = Object.entries(schema.shape).map(([name, field]) => `${name} (${field.description})`);
  const what = [kind, issue!.path.join("."), issue!.message].filter((part) => part !== "").join(": ");
  throw new UserError("ATTRIBUTE_INVALID", what, {
    hint: known.length === 0 ? "it takes no attributes" : `it takes ${known.join(", ")}`,
  });
}

/** What is down already can neither be seen to fail nor to come back. */
function refuseUnwell(nodes: readonly EmbeddedNode[], open: readonly FaultReport[]): void {
  for (const { bgp, fault, misbehaviour, node, process } of nodes) {
    // The keeper's own are told by name.
    if (open.some(({ targets }) => targets.includes(node))) continue;
    const wrong = fault ?? misbehaviour;
    if (process === "running" && wrong === null && bgp === "up") continue;
    const how = wrong === null ? `${process}, its BGP ${bgp}` : `under "${wrong}" already`;
    throw new UserError("TARGET_UNWELL", `${node} is ${how}: nothing could be told by a fault`, {
      hint: `\`anycastle revive ${node}\`, and look at \`anycastle status\``,
    });
  }
}

/** Null for what has not happened. */
function sinceOf(atMs: number, sinceMs: number): number | null {
  return atMs === Infinity ? null : Math.round(atMs - sinceMs);
}

function overtaken(drill: string | null): UserError {
  const whose = drill === null ? "" : ` of the drill ${drill}`;
  return new UserError("FAULT_REFUSED", `all faults${whose} were removed before this one could be injected`, {
    exitCode: EXIT.failure,
  });
}

function noLab(): UserError {
  return new UserError("LAB_NONE", "no lab is running", {
    hint: "start one with `npm start` (or `anycastle demo`) in another terminal",
    exitCode: EXIT.unreachable,
  });
}

function givenUp({ end, failure, kind, target }: FaultReport): UserError {
  const sentence = {
    unwritten: `${kind} of ${target} was not injected, since the ledger cannot be written: ${failure}`,
    "not-injected": `${kind} of ${target} could not be injected: ${failure}`,
    unverified: `${kind} of ${target} was not seen to work: ${failure}`,
  }[end as string];
  return new UserError("FAULT_GIVEN_UP", sentence ?? `${kind} of ${target} ended before it worked (${end})`, {
    hint: "whatever there was of it has been removed, and that was seen",
    exitCode: EXIT.failure,
  });
}

function refused(
  refusal: Refusal,
  order: FaultOrder,
  rules: KeeperRules,
  open: readonly FaultReport[],
): UserError {
  const taken = open.find(({ targets }) => targets.some((target) => order.targets.includes(target)));
  switch (refusal) {
    case "ttl":
      return new UserError(
        "TTL_INVALID",
        `a fault of ${order.ttlMs} ms: it must end by itself within ${rules.ttlMsMax} ms`,
        {
          hint: "--ttl 30s",
        },
      );
    case "target-taken":
      return new UserError(
        "FAULT_ACTIVE",
        `${taken?.target} is under ${taken?.kind} already (${taken?.id})`,
        {
          hint: `\`anycastle fault remove ${taken?.id}\` first`,
        },
      );
    case "too-many":
      return new UserError("FAULTS_MAX", `${rules.faultsMax} faults are in force already`, {
        hint: "`anycastle fault reset`",
      });
    case "closing":
    case "id-taken":
    case "no-target":
      return new UserError("FAULT_REFUSED", `the keeper takes no orders at this moment (${refusal})`, {
        hint: "try again",
        exitCode: EXIT.failure,
      });
  }
}
