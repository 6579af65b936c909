/**
 * Hypothesis, method and rollbacks as they are written -> activities with their references resolved.
 *
 * `{ref: NAME}` stands for the activity of the method or the hypothesis that has the name; where two have it, the last
 * one of the hypothesis wins, then of the method, as in chaoslib/caching.py. A reference that has a name is found by
 * others, so chains are possible there and end in an error at the run; here every chain is followed, and a ring is told.
 */
import type { WrittenActivity, WrittenExperiment } from "./chaos-toolkit-schema.ts";
import type { Activity, Experiment, FaultOrder, Pause, Probe } from "./experiment.ts";
import { nearMiss, type Issue } from "./issue.ts";
import type { Json, JsonObject } from "./json.ts";
import { readCall, type CallContext } from "./read-calls.ts";
import { readTolerance } from "./read-tolerance.ts";

const MS_PER_SECOND = 1_000;

type Activities = Pick<Experiment, "hypothesis" | "method" | "rollbacks" | "faults">;
type Part = "hypothesis" | "method" | "rollbacks";

interface Placed {
  readonly written: WrittenActivity;
  readonly path: readonly string[];
}

export function readActivities(written: WrittenExperiment, context: CallContext): Activities {
  const hypothesis = written["steady-state-hypothesis"];
  const placed = {
    hypothesis: placedAt(hypothesis.probes, ["steady-state-hypothesis", "probes"]),
    method: placedAt(written.method, ["method"]),
    rollbacks: placedAt(written.rollbacks ?? [], ["rollbacks"]),
  };
  const reader = new ActivityReader([...placed.method, ...placed.hypothesis], context);
  const read = (part: Part): Activity[] =>
    placed[part].map((one) => reader.read(one, part)).filter((one) => one !== undefined);
  const probes = read("hypothesis") as Probe[];
  const method = read("method");
  const rollbacks = read("rollbacks");
  const faults = reader.faults();
  // A fault that could not be read is not missing.
  if (context.issues.length > 0)
    return { hypothesis: { title: hypothesis.title, probes }, method, rollbacks, faults };
  checkRemovals([...placed.method, ...placed.rollbacks], [...method, ...rollbacks], faults, context.issues);
  return { hypothesis: { title: hypothesis.title, probes }, method, rollbacks, faults };
}

function placedAt(list: readonly WrittenActivity[], path: readonly string[]): Placed[] {
  return list.map((written, index) => ({ written, path: [...path, String(index)] }));
}

class ActivityReader {
  readonly #byName = new Map<string, Placed>();
  readonly #context: CallContext;
  readonly #faults = new Map<string, { fault: FaultOrder; path: string }>();

  constructor(known: readonly Placed[], context: CallContext) {
    this.#context = context;
    for (const one of known) if (one.written.name !== undefined) this.#byName.set(one.written.name, one);
  }

  faults(): FaultOrder[] {
    return [...this.#faults.values()].map(({ fault }) => fault);
  }

  read(here: Placed, part: Part): Activity | undefined {
    const found = this.#resolve(here);
    if (found === undefined) return undefined;
    const { written, path } = found;
    const call = readCall(written.provider!, [...path, "provider"], this.#contextOf(found, here));
    const tolerance = this.#tolerance(here, part);
    if (written.controls !== undefined)
      this.#warn([...path, "controls"], "controls are Python and are not run");
    if (call === undefined || (part === "hypothesis" && tolerance === undefined)) return undefined;
    if (part === "hypothesis" && written.type !== "probe") {
      this.#refuse(
        [...here.path, "type"],
        "a hypothesis holds probes only: an action would change what it judges",
      );
      return undefined;
    }
    if (call.type === "remove" && (part === "hypothesis" || written.type !== "action")) {
      this.#refuse([...here.path], "a fault is removed by an action of the method or the rollbacks");
      return undefined;
    }
    if (call.type === "inject" && !this.#isFaultTaken(call.fault, path, written.type!, part))
      return undefined;
    return {
      type: written.type!,
      name: written.name!,
      call,
      isBackground: here.written.background === true,
      pauses: { before: pauseOf(written.pauses?.before), after: pauseOf(written.pauses?.after) },
      ...(tolerance === undefined ? {} : { tolerance }),
      document: written as JsonObject,
      path: path.join("."),
    };
  }

  /** What is wrong with an activity is told where it stands, and not again where it is referred to. */
  #contextOf(found: Placed, here: Placed): CallContext {
    return found === here ? this.#context : { ...this.#context, issues: [], warnings: [] };
  }

  #resolve(here: Placed): Placed | undefined {
    const seen: string[] = [];
    let found = here;
    for (let { ref } = found.written; ref !== undefined; { ref } = found.written) {
      if (seen.includes(ref)) {
        const ring = [...seen.slice(seen.indexOf(ref)), ref].join(" -> ");
        this.#refuse([...here.path, "ref"], `the references go round in a ring: ${ring}`);
        return undefined;
      }
      seen.push(ref);
      const next = this.#byName.get(ref);
      if (next === undefined) {
        const message = `there is no activity "${ref}" in the method or the hypothesis`;
        this.#context.issues.push(nearMiss([...here.path, "ref"], message, ref, this.#byName.keys()));
        return undefined;
      }
      found = next;
    }
    return found;
  }

  #tolerance(here: Placed, part: Part): Activity["tolerance"] {
    // A reference is judged by the tolerance that stands beside it, never by that of what it refers to.
    if (here.written.tolerance === undefined) {
      if (part === "hypothesis") {
        this.#refuse(
          [...here.path, "tolerance"],
          '"tolerance" is missing: what the probe may answer, such as 200',
        );
      }
      return undefined;
    }
    return readTolerance(here.written.tolerance as Json, [...here.path, "tolerance"], this.#context);
  }

  #isFaultTaken(fault: FaultOrder, path: readonly string[], type: string, part: Part): boolean {
    const url = [...path, "provider"];
    if (part !== "method" || type !== "action") {
      this.#refuse(url, "a fault is injected by an action of the method, and nowhere else");
      return false;
    }
    const place = path.join(".");
    const other = this.#faults.get(fault.id);
    if (other !== undefined && other.path !== place) {
      this.#refuse(
        url,
        `the fault "${fault.id}" is injected by ${other.path} already: give this one another id`,
      );
      return false;
    }
    this.#faults.set(fault.id, { fault, path: place });
    return true;
  }

  #refuse(path: readonly string[], message: string): void {
    this.#context.issues.push({ path, message });
  }

  #warn(path: readonly string[], message: string): void {
    this.#context.warnings.push({ path, message, part: "key" });
  }
}

function checkRemovals(
  placed: readonly Placed[],
  activities: readonly Activity[],
  faults: readonly FaultOrder[],
  issues: Issue[],
): void {
  const ids = faults.map(({ id }) => id);
  const places = new Map(placed.map(({ path }) => [path.join("."), path]));
  for (const { call, path } of activities) {
    if (call.type !== "remove" || call.faultId === null || ids.includes(call.faultId)) continue;
    const message = `the method injects no fault "${call.faultId}"`;
    issues.push(nearMiss([...(places.get(path) ?? path.split(".")), "provider"], message, call.faultId, ids));
  }
}

function pauseOf(pause: number | string | undefined): Pause {
  return typeof pause === "string" ? { template: pause } : Math.round((pause ?? 0) * MS_PER_SECOND);
}
