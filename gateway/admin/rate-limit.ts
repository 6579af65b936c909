/** The rate limits in force, and others in their place until the next reload. */
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { UserError } from "#core/errors.ts";
import type { Admission } from "../admission/admission.ts";
import { completeRateLimit, rateLimitSchema } from "../config/admission.ts";

/** What is left out stays as it is. */
export const ratesSchema = z.strictObject({
  all: rateLimitSchema.optional(),
  perClient: rateLimitSchema.optional(),
});

export function addRateLimitRoutes(server: FastifyInstance, admissionOf: () => Admission): void {
  const told = (): object => {
    const { all, perClient } = admissionOf().limits;
    return { all: all ?? null, perClient: perClient ?? null };
  };
  server.get("/api/v1/rate-limit", async () => told());
  server.put("/api/v1/rate-limit", async ({ body }) => {
    const parsed = ratesSchema.safeParse(body);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new UserError("RATE_LIMIT_INVALID", `${issue!.path.join(".")}: ${issue!.message}`, {
        hint: 'send {"all": {"requestsPerSecond": 100, "burst": 200}}; 0 for no limit',
      });
    }
    const { all, perClient } = parsed.data;
    const admission = admissionOf();
    admission.setLimits({
      all: all === undefined ? admission.limits.all : completeRateLimit(all),
      perClient: perClient === undefined ? admission.limits.perClient : completeRateLimit(perClient),
    });
    return told();
  });
}
