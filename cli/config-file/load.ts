/**
 * `anycastle.yaml` -> configuration of the gateway, or everything that is wrong with it at once, each with its place in
 * the text: `checkText`, then the gateway's own checks across fields. Reads no file.
 */
import { checkText, sorted, type CheckedText } from "#core/checked-text/check-text.ts";
import type { TextProblem } from "#core/checked-text/read-text.ts";
import {
  crossIssues,
  gatewaySchema,
  parseGatewayConfig,
  type ConfigIssue,
  type GatewayConfig,
} from "#gateway/config.ts";

export interface LoadedConfig extends Pick<CheckedText<unknown>, "written" | "yaml" | "lines"> {
  readonly config: GatewayConfig;
  readonly warnings: readonly TextProblem[];
}

export type ConfigResult =
  | ({ readonly ok: true } & LoadedConfig)
  | { readonly ok: false; readonly problems: readonly TextProblem[] };

/**
 * `overrides` are values of the command line; they win over what is written. What the schema refuses and what does not
 * fit together are told at once.
 */
export function loadConfig(text: string, overrides: Readonly<Record<string, unknown>> = {}): ConfigResult {
  const checked = checkText(text, gatewaySchema, overrides);
  if (!checked.ok) {
    const { problems, refused } = checked;
    if (refused === undefined) return { ok: false, problems };
    const crossed = crossIssues(refused.document).map((issue) => problemOf(issue, refused.place));
    return { ok: false, problems: sorted([...problems, ...crossed]) };
  }
  const { document, written, yaml, lines, place } = checked;
  const parsed = parseGatewayConfig(document);
  if (!parsed.ok)
    return { ok: false, problems: sorted(parsed.issues.map((issue) => problemOf(issue, place))) };
  const warnings = parsed.warnings.map((warning) => problemOf(warning, place));
  return { ok: true, config: parsed.config, written, yaml, lines, warnings };
}

function problemOf({ path, message }: ConfigIssue, place: CheckedText<unknown>["place"]): TextProblem {
  return { ...place(path.split("."), "value"), path, message };
}
