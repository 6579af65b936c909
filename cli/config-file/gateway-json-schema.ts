/** The gateway's configuration as JSON Schema, for editors, the references and `config schema`. */
import { z } from "zod";
import { gatewaySchema } from "#gateway/config.ts";

export function gatewayJsonSchema(): z.core.JSONSchema.JSONSchema {
  return z.toJSONSchema(gatewaySchema, { io: "input" });
}
