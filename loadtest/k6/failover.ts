/**
 * `k6 run loadtest/k6/failover.ts`: one rate while New York is killed after a third of the time and revived after two
 * thirds; no request may fail. `anycastle load --engine k6 --plan failover` gives the orders itself. By hand, with
 * CONTROL_URL and TOKEN of a running lab (`lab.json` in its runtime directory), this script does; without them somebody
 * else has to. Settings: lib/settings.ts.
 */
import exec from "k6/execution";
import http from "k6/http";
import { k6Options, type K6Scenario } from "./lib/options.ts";
import { readSettings } from "./lib/settings.ts";
import { summaryFiles, type K6Data } from "./lib/summary.ts";
import { visit } from "./lib/visit.ts";

const settings = readSettings("failover", __ENV);
const controlUrl = __ENV["CONTROL_URL"] ?? "";

// Whatever is not a 200 has failed, redirections too.
http.setResponseCallback(http.expectedStatuses(200));

interface OrderScenario {
  readonly executor: "per-vu-iterations";
  readonly vus: number;
  readonly iterations: number;
  readonly exec: "order";
  readonly startTime: string;
  readonly env: Record<string, string>;
}

const base = k6Options(settings);

export const options: Omit<typeof base, "scenarios"> & {
  readonly scenarios: Record<string, K6Scenario | OrderScenario>;
} = { ...base, scenarios: { ...base.scenarios, ...(controlUrl === "" ? {} : orders()) } };

export default function (): void {
  visit(settings);
}

/** Orders are no requests of the load: one that is refused ends the test, because nothing was tested then. */
export function order(): void {
  const response = http.post(`${controlUrl}/api/v1/${__ENV["ORDER"]}`, __ENV["BODY"] ?? "{}", {
    headers: { "content-type": "application/json", authorization: `Bearer ${__ENV["TOKEN"]}` },
    responseType: "text",
  });
  if (response.status !== 200) {
    exec.test.abort(`the lab refused to ${__ENV["ORDER"]}: ${response.status} ${response.body}`);
  }
}

export function handleSummary(data: K6Data): Record<string, string> {
  return summaryFiles(data, settings);
}

function orders(): Record<string, OrderScenario> {
  const { target, how, faultMs, reviveMs } = settings.plan.fault!;
  const at = (ms: number, order: string, body: unknown): OrderScenario => ({
    executor: "per-vu-iterations",
    vus: 1,
    iterations: 1,
    exec: "order",
    startTime: `${ms}ms`,
    env: { ORDER: order, BODY: JSON.stringify(body) },
  });
  return {
    order_fail: at(faultMs, "fail", { target, how }),
    order_revive: at(reviveMs, "revive", { target }),
  };
}
