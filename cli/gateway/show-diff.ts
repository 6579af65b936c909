/** `anycastle gateway --diff`: what a reload of the running gateway would change, asked of its admin API. */
import { EXIT, messageOf, UserError } from "#core/errors.ts";
import type { GatewayConfig } from "#gateway/config.ts";
import type { Output } from "../output.ts";

interface Trial {
  readonly reason: string;
  readonly changes: readonly { readonly path: string; readonly before?: string; readonly after?: string }[];
}

export async function showDiff(output: Output, { admin }: GatewayConfig): Promise<number> {
  if (admin === undefined) {
    throw new UserError("ADMIN_OFF", "`admin` is off in this file, so there is nobody to ask", {
      hint: "name the running gateway's admin address: --admin 127.0.0.1:8082",
      exitCode: EXIT.usage,
    });
  }
  const url = `http://${admin.host.includes(":") ? `[${admin.host}]` : admin.host}:${admin.port}/api/v1/reload`;
  const { changes, reason } = await asked(url);
  if (changes.length === 0) output.print(reason.startsWith("this only") ? "nothing would change" : reason);
  for (const { path, before, after } of changes) {
    if (before === undefined) output.print(`+ ${path} ${after}`);
    else if (after === undefined) output.print(`- ${path} ${before}`);
    else output.print(`~ ${path} ${before} -> ${after}`);
  }
  return EXIT.ok;
}

async function asked(url: string): Promise<Trial> {
  try {
    const response = await fetch(url);
    if (response.ok) return (await response.json()) as Trial;
    throw new Error(`it answered ${response.status}`);
  } catch (error) {
    throw new UserError("GATEWAY_UNREACHABLE", `no gateway tells at ${url}: ${messageOf(error)}`, {
      hint: "start it with `anycastle gateway`, or name its admin address with --admin",
      cause: error,
    });
  }
}
