/** `anycastle test`: a cold request from each of 14 cities at once: who serves them, and how fast. */
import type { Command } from "commander";
import { EXIT, UserError } from "#core/errors.ts";
import { counted, examples, integer, knownVantages, vantageList } from "./arguments.ts";
import { outputOf } from "./output.ts";

const ROUNDS_MAX = 100;

interface TestFlags {
  readonly url?: string;
  readonly rounds: number;
  readonly label: string;
  readonly vantages?: string[];
  readonly json?: true;
}

export function addTest(program: Command): void {
  program
    .command("test")
    .description("ask from 14 cities who serves them, and how fast")
    .option("--url <url>", "another gateway than that of the running lab")
    .option("--rounds <n>", "cold requests of each city; the table shows medians", integer(1, ROUNDS_MAX), 3)
    .option("--label <text>", "name of the test in the journal", "by hand")
    .option("--vantages <cities>", "only these: new-york,london", vantageList)
    .option("--json", "as a JSON document")
    .addHelpText(
      "after",
      `\nExit status 1 when a city got anything but 200.\n${examples(
        ["anycastle test", "the running lab"],
        ["anycastle test --rounds 9 --json", "medians of nine, for scripts"],
        ["anycastle test --url http://127.0.0.1:8080", "a gateway that no lab started"],
      )}`,
    )
    .action(async (flags: TestFlags, command: Command) => {
      const output = outputOf(command);
      const { allCities, runSpeedTest } = await import("#loadtest/speed/speed-test.ts");
      const { speedTestEvents } = await import("#loadtest/speed/speed-test-events.ts");
      const { renderSpeedTest } = await import("#loadtest/speed/render-speed-test.ts");
      const { LabClient } = await import("#lab/client.ts");
      const client = flags.url === undefined ? LabClient.find() : undefined;
      const status = await client?.status();
      const known = status?.vantages ?? allCities();
      const { rounds, label } = flags;
      const names = knownVantages(
        flags.vantages,
        known.map(({ vantage }) => vantage),
      );
      const vantages = known.filter(({ vantage }) => names.includes(vantage));
      const gatewayUrl = client?.gatewayUrl ?? httpUrl(flags.url!);
      output.tell(
        `${counted(vantages.length, "city", "cities")}, ${counted(rounds, "cold request")} each, to ${gatewayUrl}`,
      );
      const test = await runSpeedTest({
        gatewayUrl,
        vantages,
        rounds,
        label,
        ...(status?.places === undefined ? {} : { places: status.places }),
      });
      const failed = test.rows.filter(({ status }) => status !== 200).length;
      // The test stands whether or not the lab takes note of it.
      for (const event of speedTestEvents(test)) await client?.emit(event).catch(() => undefined);
      if (flags.json === true) output.printJson(test);
      else output.print(renderSpeedTest(test, { isColour: output.isColour }).trimEnd());
      if (failed > 0) process.exitCode = EXIT.failure;
    });
}

export function httpUrl(text: string): string {
  const url = URL.parse(text);
  if (url?.protocol === "http:") return url.href.replace(/\/$/, "");
  throw new UserError("URL_INVALID", `"${text.slice(0, 80)}" is no http:// URL`, {
    hint: "for example --url http://127.0.0.1:8080",
  });
}
