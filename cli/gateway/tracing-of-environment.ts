/**
 * OpenTelemetry's own variables (its specification, "Environment Variable Specification"), which win over `tracing` in the file:
 * where spans go, which share of them, under which name. Left out: samplers that ask somebody (`jaeger_remote`); a caller's
 * decision is always followed, and what failed always told, whatever the sampler is.
 */
import { EXIT, UserError } from "#core/errors.ts";
import { OTLP_ENDPOINT } from "#gateway/config/tracing.ts";

const ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT";
const SAMPLER = "OTEL_TRACES_SAMPLER";
const RATIO = "OTEL_TRACES_SAMPLER_ARG";

/** Laid over the configuration. `value`: of a variable; undefined: unset or empty. Throws what names the variable. */
export function tracingOfEnvironment(value: (name: string) => string | undefined): object {
  if (value("OTEL_SDK_DISABLED")?.toLowerCase() === "true") return { tracing: undefined };
  const endpoint = value(ENDPOINT);
  if (endpoint === undefined) return {};
  if (!OTLP_ENDPOINT.test(endpoint)) throw wrong(ENDPOINT, endpoint, "an address like http://localhost:4318");
  const sampleRatio = ratioOf(value(SAMPLER), value(RATIO));
  const serviceName = value("OTEL_SERVICE_NAME");
  return {
    tracing: {
      otlp: { endpoint },
      ...(sampleRatio === undefined ? {} : { sampleRatio }),
      ...(serviceName === undefined ? {} : { serviceName }),
    },
  };
}

function ratioOf(sampler: string | undefined, ratio: string | undefined): number | undefined {
  switch (sampler?.replace(/^parentbased_/, "")) {
    case "always_on":
      return 1;
    case "always_off":
      return 0;
    case "traceidratio":
      return ratio === undefined ? 1 : readRatio(ratio);
    // Without a sampler the share alone says enough.
    case undefined:
      return ratio === undefined ? undefined : readRatio(ratio);
    default:
      return undefined;
  }
}

function readRatio(text: string): number {
  const ratio = Number(text);
  if (!(ratio >= 0 && ratio <= 1)) throw wrong(RATIO, text, "a number from 0 to 1");
  return ratio;
}

function wrong(name: string, given: string, expected: string): UserError {
  return new UserError("ENVIRONMENT_INVALID", `${name} is "${given.slice(0, 80)}"`, {
    hint: `set it to ${expected}, or unset it`,
    exitCode: EXIT.usage,
  });
}
