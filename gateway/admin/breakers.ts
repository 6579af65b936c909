/**
 * Circuit breakers in the admin API: those of sites, where the configuration has them, and those of what else may be
 * away: what state they are in, and an operator's hand on them.
 */
import type { FastifyInstance } from "fastify";
import { UserError } from "#core/errors.ts";
import type { CircuitBreaker } from "../resilience/breaker/breaker.ts";

export function addBreakerRoutes(
  server: FastifyInstance,
  breakersOf: () => readonly CircuitBreaker[],
  nowMs: () => number,
): void {
  server.get("/health/circuit-breakers", async () => ({
    breakers: breakersOf().map((breaker) => told(breaker, nowMs())),
  }));
  const route = (verb: string, act: (breaker: CircuitBreaker) => void): void => {
    server.post<{ Params: { name: string } }>(`/circuit-breakers/:name/${verb}`, async ({ params }) => {
      const breaker = breakerNamed(breakersOf(), params.name);
      act(breaker);
      return told(breaker, nowMs());
    });
  };
  route("open", (breaker) => breaker.hold("open"));
  route("close", (breaker) => breaker.hold("closed"));
  route("reset", (breaker) => breaker.reset());
}

function told(breaker: CircuitBreaker, atMs: number): object {
  const retryAfterMs = Math.ceil(breaker.retryAfterMs(atMs));
  return { name: breaker.name, state: breaker.state, ...breaker.counts, retryAfterMs };
}

function breakerNamed(breakers: readonly CircuitBreaker[], name: string): CircuitBreaker {
  const breaker = breakers.find((each) => each.name === name);
  if (breaker !== undefined) return breaker;
  const names = breakers.map((each) => each.name);
  throw new UserError("BREAKER_UNKNOWN", `there is no circuit breaker "${name.slice(0, 80)}"`, {
    hint: names.length === 0 ? "set `breaker.mode` in the configuration" : `there are ${names.join(", ")}`,
  });
}
