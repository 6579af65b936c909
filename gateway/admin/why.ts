/**
 * "Why this node?": the nodes a request from a vantage would be given to, in order, and why each of the others would not.
 * Asked of the very objects that decide; counts are those of the moment.
 */
import type { FastifyInstance } from "fastify";
import { UserError } from "#core/errors.ts";
import type { Engine } from "../forward/exchange.ts";

export const WHY_PATHS = ["GET /api/v1/why"];

export function addWhyRoute(server: FastifyInstance, engineOf: () => Engine): void {
  server.get<{ Querystring: Record<string, unknown> }>("/api/v1/why", async ({ query }) => {
    const { clock, config, fleet, plan, routes } = engineOf();
    const vantage = vantageOf(query["vantage"], config.routing);
    const view = routes.view(vantage);
    const reasons = plan.explain(view.sites, { excluded: [], nowMs: clock.nowMs(), key: 0 });
    return {
      vantage,
      mode: config.routing.mode,
      sites: view.sites.map((site, index) => ({
        site: fleet.sites[site]!.id,
        rttMs: view.rttUs[index]! / 1_000,
        algorithm: config.sites[site]!.algorithm,
      })),
      // Sites stay in order; within one, those that may be asked come first.
      candidates: view.sites
        .flatMap((site) => {
          const own = reasons.filter((each) => each.site === site);
          return [
            ...own.filter(({ reason }) => reason === undefined),
            ...own.filter(({ reason }) => reason !== undefined),
          ];
        })
        .map(({ node, reason }) => {
          const { id, site } = fleet.node(node);
          const balancer = fleet.balancerOf(fleet.node(node));
          return {
            node: id,
            site,
            isCandidate: reason === undefined,
            reason: reason ?? "may be asked",
            health: fleet.board.health(node),
            active: balancer.active(node),
            weight: fleet.weightOf(fleet.node(node)),
          };
        }),
    };
  });
}

function vantageOf(asked: unknown, { vantages, defaultVantage }: Engine["config"]["routing"]): string {
  if (asked === undefined || asked === defaultVantage) return defaultVantage;
  if (typeof asked === "string" && vantages.includes(asked)) return asked;
  const given = typeof asked === "string" ? asked.slice(0, 80) : "that";
  const known = vantages.length === 0 ? [defaultVantage] : vantages;
  throw new UserError("VANTAGE_UNKNOWN", `there is no vantage "${given}"`, {
    hint: `vantages are ${known.join(", ")}`,
  });
}
