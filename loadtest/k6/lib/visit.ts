/** One request from the scenario's vantage: the gateway's address, the vantage in the Host field, as a city would ask. */
import { check } from "k6";
import http from "k6/http";
import { Counter } from "k6/metrics";
import type { Settings } from "./settings.ts";

/** Answers by `site`, for k6's own outputs (`--out json`); its end-of-test summary does not split it. */
const served = new Counter("served");

export function visit({ url, timeoutS }: Settings): void {
  const vantage = __ENV["VANTAGE"] ?? "";
  const response = http.get(url, {
    headers: { Host: __ENV["VANTAGE_HOST"] ?? "" },
    tags: { name: "service" },
    timeout: `${timeoutS}s`,
    redirects: 0,
  });
  const site = response.headers["X-Edge-Route"] ?? "none";
  served.add(1, { vantage, site });
  check(response, {
    "status is 200": ({ status }) => status === 200,
    "x-edge-route names a site": () => site !== "none",
  });
}
