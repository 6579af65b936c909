/**
 * `anycastle.yaml` -> configuration of the gateway, or everything that is wrong with it at once, each with its place in
 * the text: `check-text.ts`, then the gateway's own checks across fields. Reads no file.
 */
import { gatewaySchema, parseGatewayConfig, type GatewayConfig } from "#gateway/config.ts";
import { checkText, sorted, type CheckedText, type ConfigProblem } from "./check-text.ts";

export interface LoadedConfig extends Pick<CheckedText<unknown>, "written" | "yaml" | "lines"> {
  readonly config: GatewayConfig;
  readonly warnings: readonly ConfigProblem[];
}

export type ConfigResult =
  | ({ readonly ok: true } & LoadedConfig)
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** `overrides` are values of the command line; they win over what is written. */
export function loadConfig(text: string, overrides: Readonly<Record<string, unknown>> = {}): ConfigResult {
  const checked = checkText(text, gatewaySchema, overrides);
  if (!checked.ok) return checked;
  const { document, written, yaml, lines, place } = checked;
  const parsed = parseGatewayConfig(document);
  const atPath = ({ path, message }: { path: string; message: string }): ConfigProblem => ({
    ...place(path.split("."), "value"),
    path,
    message,
  });
  if (!parsed.ok) return { ok: false, problems: sorted(parsed.issues.map(atPath)) };
  return { ok: true, config: parsed.config, written, yaml, lines, warnings: parsed.warnings.map(atPath) };
}
