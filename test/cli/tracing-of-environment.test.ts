/** OpenTelemetry's variables, as the command reads them. */
import { expect, test } from "vitest";
import { UserError } from "#core/errors.ts";
import { tracingOfEnvironment } from "../../cli/gateway/tracing-of-environment.ts";

const ENDPOINT = "http://collector:4318";

function read(variables: Readonly<Record<string, string>>): unknown {
  return tracingOfEnvironment((name) => variables[name]);
}

test("nothing of it changes anything without an endpoint", () => {
  expect(read({})).toEqual({});
  expect(read({ OTEL_SERVICE_NAME: "edge", OTEL_TRACES_SAMPLER_ARG: "nonsense" })).toEqual({});
});

test.each<[Record<string, string>, object]>([
  [{}, {}],
  [{ OTEL_SERVICE_NAME: "edge" }, { serviceName: "edge" }],
  [{ OTEL_TRACES_SAMPLER: "always_on" }, { sampleRatio: 1 }],
  [{ OTEL_TRACES_SAMPLER: "parentbased_always_off", OTEL_TRACES_SAMPLER_ARG: "1" }, { sampleRatio: 0 }],
  [
    { OTEL_TRACES_SAMPLER: "parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.25" },
    { sampleRatio: 0.25 },
  ],
  [{ OTEL_TRACES_SAMPLER: "traceidratio" }, { sampleRatio: 1 }],
  [{ OTEL_TRACES_SAMPLER_ARG: "0.5" }, { sampleRatio: 0.5 }],
  [{ OTEL_TRACES_SAMPLER: "jaeger_remote", OTEL_TRACES_SAMPLER_ARG: "endpoint=http://x" }, {}],
])("%j", (variables, expected) => {
  expect(read({ OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT, ...variables })).toEqual({
    tracing: { otlp: { endpoint: ENDPOINT }, ...expected },
  });
});

test("OTEL_SDK_DISABLED takes `tracing` away, the file's too", () => {
  expect(read({ OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT, OTEL_SDK_DISABLED: "TRUE" })).toEqual({
    tracing: undefined,
  });
  expect(read({ OTEL_SDK_DISABLED: "false" })).toEqual({});
});

test.each<[string, string]>([
  ["OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"],
  ["OTEL_TRACES_SAMPLER_ARG", "half"],
  ["OTEL_TRACES_SAMPLER_ARG", "1.5"],
])("%s=%s: the variable is named, and what to set", (name, value) => {
  const wrong = (): unknown => read({ OTEL_EXPORTER_OTLP_ENDPOINT: ENDPOINT, [name]: value });
  expect(wrong).toThrow(UserError);
  expect(wrong).toThrow(`${name} is "${value}"`);
});
