/**
 * What commands take as arguments and options, read from text once: whole numbers, durations, sites, ways to fail.
 * Each refusal names what was given and what would have been right; a near miss is suggested.
 */
import { InvalidArgumentError, Option } from "commander";
import { UserError } from "#core/errors.ts";
import { SITES } from "#core/geography/cities.ts";
import { LOG_FORMATS, LOG_LEVELS } from "#core/log-record.ts";
import { suggest } from "#core/suggest.ts";
import { FAULT_HOWS } from "#core/wire/faults.ts";

export const PORT_MAX = 65_535;
/** Low 32 bits are all that a seed has. */
export const SEED_MAX = 2 ** 32 - 1;

export function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^[+-]?\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

const HOST_PORT = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})$/;

/** `127.0.0.1:8080`, `[::1]:0`; and, where `off` has a meaning, that. */
export function hostPort(isOffAllowed: boolean): (text: string) => string {
  return (text) => {
    const port = Number(HOST_PORT.exec(text)?.[1] ?? Number.NaN);
    if (port <= PORT_MAX || (isOffAllowed && text === "off")) return text;
    throw new InvalidArgumentError(
      `It must be host:port${isOffAllowed ? " or off" : ""}, the port 0 to ${PORT_MAX}.`,
    );
  };
}

/** As `gateway/config/id.ts` has it. */
const ZONE_ID = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/;

export function zoneId(text: string): string {
  if (ZONE_ID.test(text)) return text;
  throw new InvalidArgumentError("It must be lower-case letters, digits and hyphens, at most 64.");
}

const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/;
const MS_OF_UNIT = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/** `30s`, `1.5m`, `500ms`; a bare number is seconds. In whole milliseconds. */
export function duration(minMs: number, maxMs: number): (text: string) => number {
  return (text) => {
    const match = DURATION.exec(text);
    const unit = (match?.[2] ?? "s") as keyof typeof MS_OF_UNIT;
    const ms = match === null ? Number.NaN : Math.round(Number(match[1]) * MS_OF_UNIT[unit]);
    if (ms >= minMs && ms <= maxMs) return ms;
    throw new InvalidArgumentError(
      `It must be a time such as 30s, 2m or 500ms, from ${minMs} ms to ${maxMs} ms.`,
    );
  };
}

/** An option that takes one of a few words; a near miss is suggested. */
export function choice(
  flags: string,
  description: string,
  words: readonly string[],
  byDefault?: string,
): Option {
  const option = new Option(flags, description).choices(words).argParser((text: string) => {
    if (words.includes(text)) return text;
    const near = suggest(text, words);
    throw new InvalidArgumentError(
      `It must be one of ${words.join(", ")}.${near === undefined ? "" : ` Did you mean ${near}?`}`,
    );
  });
  return byDefault === undefined ? option : option.default(byDefault);
}

export function howOption(): Option {
  return choice("--how <way>", "how it fails", FAULT_HOWS, "kill");
}

export function seedOption(): Option {
  return new Option(
    "--seed <n>",
    "seed of everything that is drawn; without it a fresh one, which is printed",
  )
    .argParser(integer(0, SEED_MAX))
    .env("ANYCASTLE_SEED");
}

/** How what runs until it is told to stop tells what happens. */
export function logFormatOption(): Option {
  return choice("--log-format <format>", "of what it tells on standard error", LOG_FORMATS, "text").env(
    "ANYCASTLE_LOG_FORMAT",
  );
}

export function logLevelOption(): Option {
  return choice("--log-level <level>", "the least that is told as JSON", LOG_LEVELS, "info").env(
    "ANYCASTLE_LOG_LEVEL",
  );
}

/**
 * A site, or a node of one (`ny1`, `ny1-2`). Checked here so that a slip is told before a lab is looked for; whether
 * the node exists only the lab knows.
 */
export function siteOrNode(text: string): string {
  const sites = SITES.map(({ site }) => site);
  const [, site = text] = /^(.+)-\d+$/.exec(text) ?? [];
  if (sites.includes(site)) return text;
  const near = suggest(site, sites);
  throw new UserError("TARGET_UNKNOWN", `there is no site or node "${text.slice(0, 80)}"`, {
    hint:
      near === undefined
        ? `sites are ${sites.join(", ")}; a node is ny1-1`
        : `did you mean "${text.replace(site, near)}"?`,
  });
}

/** A node that the cast does not have is refused before the cast is started. */
export function refuseMissingNode(target: string, nodesPerSite: number): void {
  const number = Number(/-(\d+)$/.exec(target)?.[1] ?? 1);
  if (number >= 1 && number <= nodesPerSite) return;
  throw new UserError("TARGET_UNKNOWN", `there is no node "${target}": each site has ${nodesPerSite}`, {
    hint: `--nodes ${number} would start it`,
  });
}

/** `new-york,london`: names of vantages; which of them there are, `knownVantages` says. */
export function vantageList(text: string): string[] {
  return [...new Set(text.split(",").map((id) => id.trim().toLowerCase().replaceAll(" ", "-")))];
}

/** Those that were asked for, all when none was. `known`: of the running lab, or of the built-in map. */
export function knownVantages(
  wanted: readonly string[] | undefined,
  known: readonly string[],
): readonly string[] {
  for (const id of wanted ?? []) {
    if (known.includes(id)) continue;
    const near = suggest(id, known);
    throw new UserError("VANTAGE_UNKNOWN", `there is no city "${id.slice(0, 80)}"`, {
      hint: near === undefined ? `cities are ${known.join(", ")}` : `did you mean "${near}"?`,
    });
  }
  return wanted ?? known;
}

/** `1 city`, `14 cities`; without `many` an s does it. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** For `addHelpText("after", …)`: what to type, and what it does. */
export function examples(...lines: readonly (readonly [typed: string, effect: string])[]): string {
  const width = Math.max(...lines.map(([typed]) => typed.length));
  return `\nExamples:\n${lines.map(([typed, effect]) => `  $ ${typed.padEnd(width)}  ${effect}`).join("\n")}`;
}
