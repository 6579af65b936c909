/**
 * A played change as a file: NDJSON, one array a line but the first, in the order in which it happened. Vertices are
 * those of the graph that the header names and whose digest it holds; times are whole µs since the change began; 0 is
 * no path, n the n-th path that the file has defined so far.
 *
 *     {"schema":"anycastle.sim-recording/v1", …}     the header: graph, sites, what was announced, what was done
 *     ["r",site,prepends,marks]                      a path: what a site announces of itself
 *     ["p",head,parent]                              a path: `head` in front of an earlier one
 *     ["m",atUs,to,from,path]                        an announcement arrives at `to`; with path 0 a withdrawal
 *     ["b",atUs,vertex,path]                         the best path of `vertex` is now this one, as it was heard
 *     ["end",lines,digest]                           so many lines came before, and this is their digest
 *
 * The state before the first event is not written: it is the catchment of `header.announced`, solved on the graph, ties
 * to the lowest AS number. A file without its last line was cut off.
 */
import type { Source } from "#sim/anycast/solve.ts";
import { AS_MAX, PREPENDS_MAX } from "#sim/topology/limits.ts";

export const RECORDING_SCHEMA = "anycastle.sim-recording/v1";

/** Bounds of a file; a withdrawal of a whole service on 78,638 ASes takes about a million events. */
export const EVENTS_MAX = 4_000_000;
export const PATHS_MAX = 4_000_000;
/** The header holds the document of the world, at most 32 sites of 1,000 upstreams. */
export const LINE_CHARS_MAX = 4 * 1024 * 1024;
export const SITES_LISTED_MAX = 1_000;
const ACTS_MAX = 10_000;
/** As in the documents of worlds. */
const NAME = /^[a-z0-9][a-z0-9-]{0,31}$/;
/** 2^53 µs are 285 years. */
export const AT_US_MAX = Number.MAX_SAFE_INTEGER;

/** Bits of `marks` in an `r` line. */
export const MARKS = { gracefulShutdown: 1, noExport: 2, noPeer: 4 } as const;
export const MARKS_ALL = 7;

export interface RecordedSite {
  readonly site: string;
  readonly vertex: number;
  readonly as: number;
  readonly city?: string;
  /** Degrees, WGS 84; absent where the world does not say. */
  readonly latitude?: number;
  readonly longitude?: number;
}

/** Where somebody looks from. */
export interface RecordedVantage {
  readonly vantage: string;
  readonly vertex: number;
  readonly as: number;
  /** Name of the place, for people. */
  readonly city?: string;
  readonly latitude?: number;
  readonly longitude?: number;
}

/** What a site announced when the change began; GRACEFUL_SHUTDOWN is no state to begin with, and nothing solves it. */
export type RecordedOrigin = Source;

/** Something that was done to the service: the moments that a timeline marks. */
export interface RecordedAct {
  readonly atUs: number;
  /** `ny1 fails`, `ny1 withdraws`. */
  readonly what: string;
  /** Vertex of the site that it was done to, and whether it can serve from then on; absent: that did not change. */
  readonly vertex?: number;
  readonly isServing?: boolean;
}

export interface RecordingHeader {
  readonly schema: typeof RECORDING_SCHEMA;
  /** Version of the program that wrote it. */
  readonly version: string;
  /** One line for people: `ny1 withdraws, detected after 300 ms`. */
  readonly title: string;
  /** The document of the world, as its loader reads it; this room does not look into it. */
  readonly world: unknown;
  readonly graph: {
    readonly name: string;
    readonly vertices: number;
    /** ASes without the service's own routers, which are the last vertices. */
    readonly networks: number;
    readonly digest: string;
  };
  readonly timing: string;
  readonly seed: number;
  /** The run of that seed: 0 is the first. */
  readonly run: number;
  readonly sites: readonly RecordedSite[];
  readonly vantages: readonly RecordedVantage[];
  readonly announced: readonly RecordedOrigin[];
  readonly acts: readonly RecordedAct[];
}

/** A file that is no recording, or a damaged one. `line` counts from 1. */
export class RecordingError extends Error {
  readonly code = "RECORDING";
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

/** The header in a value that JSON gave; throws `RecordingError` naming the field that is wrong. */
export function parseHeader(value: unknown): RecordingHeader {
  if (typeof value !== "object" || value === null || !("schema" in value)) throw refusal("no header");
  const fields = new Fields(value, "");
  const schema = fields.text("schema");
  if (schema !== RECORDING_SCHEMA) {
    throw refusal(`the schema is "${schema.slice(0, 60)}", and this version reads ${RECORDING_SCHEMA}`);
  }
  const graph = fields.inner("graph");
  const vertices = graph.integer("vertices", 1, 2 ** 24);
  const vertexMax = vertices - 1;
  return {
    schema: RECORDING_SCHEMA,
    version: fields.text("version"),
    title: fields.text("title"),
    world: fields.any("world"),
    graph: {
      name: graph.text("name"),
      vertices,
      networks: graph.integer("networks", 1, vertices),
      digest: graph.text("digest"),
    },
    timing: fields.text("timing"),
    seed: fields.integer("seed", 0, 2 ** 32 - 1),
    run: fields.integer("run", 0, 2 ** 32 - 1),
    sites: fields.list("sites", SITES_LISTED_MAX).map((site) => parseSite(site, vertexMax)),
    vantages: fields.list("vantages", SITES_LISTED_MAX).map((vantage) => parseVantage(vantage, vertexMax)),
    announced: fields.list("announced", SITES_LISTED_MAX).map((origin) => parseOrigin(origin, vertexMax)),
    acts: fields.list("acts", ACTS_MAX).map((act) => parseAct(act, vertexMax)),
  };
}

function parseSite(fields: Fields, vertexMax: number): RecordedSite {
  const site = {
    site: fields.name("site"),
    vertex: fields.integer("vertex", 0, vertexMax),
    as: fields.integer("as", 1, AS_MAX),
    ...parsePlace(fields),
  };
  return fields.has("city") ? { ...site, city: fields.text("city") } : site;
}

function parseVantage(fields: Fields, vertexMax: number): RecordedVantage {
  const vantage = {
    vantage: fields.name("vantage"),
    vertex: fields.integer("vertex", 0, vertexMax),
    as: fields.integer("as", 1, AS_MAX),
    ...parsePlace(fields),
  };
  return fields.has("city") ? { ...vantage, city: fields.text("city") } : vantage;
}

function parsePlace(fields: Fields): { latitude?: number; longitude?: number } {
  if (!fields.has("latitude")) return {};
  return {
    latitude: fields.number("latitude", -90, 90),
    longitude: fields.number("longitude", -180, 180),
  };
}

function parseOrigin(fields: Fields, vertexMax: number): RecordedOrigin {
  return {
    vertex: fields.integer("vertex", 0, vertexMax),
    prepends: fields.integer("prepends", 0, PREPENDS_MAX),
    isNoExport: fields.isTrue("isNoExport"),
    isNoPeer: fields.isTrue("isNoPeer"),
    isBlackhole: fields.isTrue("isBlackhole"),
  };
}

function parseAct(fields: Fields, vertexMax: number): RecordedAct {
  const act = { atUs: fields.integer("atUs", 0, AT_US_MAX), what: fields.text("what") };
  if (!fields.has("vertex")) return act;
  return { ...act, vertex: fields.integer("vertex", 0, vertexMax), isServing: fields.isTrue("isServing") };
}

/** Reads the fields of one object, and names the one that is wrong. */
class Fields {
  readonly #value: Readonly<Record<string, unknown>>;
  readonly #path: string;

  constructor(value: Readonly<Record<string, unknown>>, path: string) {
    this.#value = value;
    this.#path = path;
  }

  has(name: string): boolean {
    return this.#value[name] !== undefined;
  }

  any(name: string): unknown {
    return this.#value[name];
  }

  /** One line: what a terminal would obey has no place in it. */
  text(name: string): string {
    const value = this.#value[name];
    // eslint-disable-next-line no-control-regex -- that is what this keeps out
    if (typeof value === "string" && !/[\u0000-\u001f\u007f-\u009f]/.test(value)) return value;
    throw this.#wrong(name, "a line of text");
  }

  name(name: string): string {
    const value = this.text(name);
    if (NAME.test(value)) return value;
    throw this.#wrong(name, "a name in lower case, digits and hyphens");
  }

  isTrue(name: string): boolean {
    const value = this.#value[name];
    if (value !== undefined && typeof value !== "boolean") throw this.#wrong(name, "true or false");
    return value === true;
  }

  number(name: string, min: number, max: number): number {
    const value = this.#value[name];
    if (typeof value === "number" && value >= min && value <= max) return value;
    throw this.#wrong(name, `a number from ${min} to ${max}`);
  }

  integer(name: string, min: number, max: number): number {
    const value = this.#value[name];
    if (isIntegerIn(value, min, max)) return value;
    throw this.#wrong(name, `a whole number from ${min} to ${max}`);
  }

  inner(name: string): Fields {
    const value = this.#value[name];
    if (typeof value !== "object" || value === null) throw this.#wrong(name, "an object");
    return new Fields(value as Readonly<Record<string, unknown>>, `${this.#path}${name}.`);
  }

  list(name: string, countMax: number): Fields[] {
    const value = this.#value[name];
    if (!Array.isArray(value) || value.length > countMax) {
      throw this.#wrong(name, `a list of at most ${countMax}`);
    }
    return value.map((entry: unknown, index) => {
      if (typeof entry !== "object" || entry === null) throw this.#wrong(`${name}.${index}`, "an object");
      return new Fields(entry as Readonly<Record<string, unknown>>, `${this.#path}${name}.${index}.`);
    });
  }

  #wrong(name: string, wanted: string): RecordingError {
    return refusal(`${this.#path}${name} of the header is not ${wanted}`);
  }
}

export function isIntegerIn(value: unknown, min: number, max: number): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max;
}

function refusal(message: string): RecordingError {
  return new RecordingError(1, message);
}
