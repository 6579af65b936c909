/**
 * The watching page as a command: it joins the page, which may not know how to measure, and the speed test, which may not
 * know of pages. One cold request from each city at a time, told as the rows of a test.
 */
import { messageOf } from "#core/errors.ts";
import { every, type Timer } from "#core/host/clock.ts";
import { VERSION } from "#core/version.ts";
import { Watch } from "#lab/watch/watch.ts";
import { speedTestEvents } from "#loadtest/speed/speed-test-events.ts";
import { allCities, runSpeedTest } from "#loadtest/speed/speed-test.ts";
import { Departure } from "../departure.ts";
import type { Output } from "../output.ts";
import type { WatchFlags } from "../watch.ts";

/** 14 requests in ten seconds at the default pace: a gateway does not notice. */
const ROUNDS = 1;

export async function runWatch(output: Output, flags: WatchFlags): Promise<number> {
  const { gateway, admin, sim, listen, hostName = [], testEvery } = flags;
  const end = listen.lastIndexOf(":");
  const watch = new Watch({
    gatewayUrl: gateway,
    adminUrl: admin,
    simUrl: sim,
    host: listen.slice(0, end).replaceAll(/[[\]]/g, ""),
    port: Number(listen.slice(end + 1)),
    hostNames: hostName,
    version: VERSION,
    testMs: testEvery,
  });
  let tests: Timer | undefined;
  const close = async (): Promise<void> => {
    tests?.cancel();
    await watch.stop();
  };
  const departure = new Departure({ drainMs: 0, drain: close, now: close });
  await watch.start();
  output.print(watch.url);
  output.tell(`watching the gateway at ${admin} and the simulator at ${sim}; Ctrl-C ends it`);
  if (testEvery !== null) tests = measureEvery(testEvery, gateway, watch, (line) => output.tell(line));
  return await departure.done;
}

/** First at once. A test that lasts longer than the pause makes the next one wait. */
function measureEvery(
  everyMs: number,
  gatewayUrl: string,
  watch: Watch,
  tell: (line: string) => void,
): Timer {
  let isBusy = false;
  const measure = async (): Promise<void> => {
    if (isBusy) return;
    isBusy = true;
    try {
      const test = await runSpeedTest({ gatewayUrl, vantages: allCities(), rounds: ROUNDS, label: "watch" });
      for (const event of speedTestEvents(test)) watch.emit(event);
    } catch (error) {
      tell(`a speed test of ${gatewayUrl} has failed: ${messageOf(error)}`);
    }
    isBusy = false;
  };
  void measure();
  return every(everyMs, () => void measure());
}
