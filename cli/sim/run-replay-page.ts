/** `anycastle sim replay --page`: the recording in the browser, until Ctrl-C. Nothing on the page changes anything. */
import { createControlServer } from "#core/host/control-server.ts";
import { codeOf, EXIT, messageOf, UserError } from "#core/errors.ts";
import { randomToken } from "#core/host/random.ts";
import { VERSION } from "#core/version.ts";
import { addPageFiles } from "#lab/page/page-files.ts";
import { RecordedStory } from "#sim/recording/moments.ts";
import type { Replay } from "#sim/recording/replay.ts";
import { ReplayHub } from "#sim/serve/replay-hub.ts";
import { Departure } from "../departure.ts";
import type { Output } from "../output.ts";
import { MODEL_LIMITS } from "./columns.ts";

export async function runReplayPage(output: Output, replay: Replay, listen: string): Promise<number> {
  const hub = new ReplayHub(new RecordedStory(replay), { version: VERSION, modelLimits: MODEL_LIMITS });
  // Nobody has the token: there is nothing to order.
  const server = createControlServer({ token: randomToken() });
  addPageFiles(server);
  hub.addTo(server);
  const close = async (): Promise<void> => {
    hub.close();
    await server.close();
  };
  const departure = new Departure({ drainMs: 0, drain: close, now: close });
  const end = listen.lastIndexOf(":");
  const [host, port] = [listen.slice(0, end).replaceAll(/[[\]]/g, ""), Number(listen.slice(end + 1))];
  try {
    output.print(`${await server.listen({ host, port })}/`);
  } catch (error) {
    await close();
    throw new UserError("PAGE_PORT", `the page cannot listen on ${listen}: ${messageOf(error)}`, {
      hint: "choose another with --listen host:port; port 0 takes a free one",
      exitCode: codeOf(error) === "EADDRINUSE" ? EXIT.failure : EXIT.usage,
      cause: error,
    });
  }
  output.tell("open it in a browser; Ctrl-C ends it");
  return await departure.done;
}
