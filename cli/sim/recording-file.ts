/**
 * Recordings as files: written while the change is played, and there only when it has been played to its end; read line
 * by line, and never larger in memory than the room's bounds allow, whatever the file is.
 */
import { createReadStream } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { checkDocument } from "#core/checked-text/check-text.ts";
import { messageOf, UserError } from "#core/errors.ts";
import { VERSION } from "#core/version.ts";
import { openWorld, type OpenWorld } from "#sim/load/open-world.ts";
import { worldDocumentSchema, type WorldDocument } from "#sim/load/world-document.ts";
import { digestGraph } from "#sim/recording/digest.ts";
import {
  EVENTS_MAX,
  LINE_CHARS_MAX,
  RECORDING_SCHEMA,
  RecordingError,
  type RecordedAct,
  type RecordedOrigin,
  type RecordingHeader,
} from "#sim/recording/format.ts";
import { RecordingReader, type Recording } from "#sim/recording/read-recording.ts";
import { Recorder, type RecordedEngine } from "#sim/recording/recorder.ts";
import { Replay } from "#sim/recording/replay.ts";
import { WholeFile } from "./write-whole.ts";

/** What is recorded, in the words of the command that plays it. */
export interface RecordedChange {
  readonly world: OpenWorld;
  readonly title: string;
  readonly timing: string;
  readonly seed: number;
  readonly run: number;
  readonly announced: readonly RecordedOrigin[];
  readonly acts: readonly RecordedAct[];
}

/** A recording under way. `finish` or `discard` it. */
export class RecordingFile {
  readonly recorder: Recorder;
  readonly #file: string;
  readonly #whole: WholeFile;

  constructor(file: string, change: RecordedChange, engine: RecordedEngine) {
    this.#file = file;
    this.#whole = new WholeFile(file);
    this.recorder = new Recorder(headerOf(file, change), change.world.graph, engine, (line) =>
      this.#whole.write(`${line}\n`),
    );
  }

  /** From here on the file is there. Throws `UserError` when more happened than a recording holds. */
  finish(): void {
    if (this.recorder.isFull) {
      this.discard();
      throw new UserError(
        "RECORDING_FULL",
        `${this.#file} is not written: more than ${EVENTS_MAX} events happened, and a recording holds no more`,
        { hint: "record a change of one site, or on a smaller graph" },
      );
    }
    this.recorder.finish();
    this.#whole.finish();
  }

  discard(): void {
    this.#whole.discard();
  }
}

function headerOf(file: string, change: RecordedChange): RecordingHeader {
  const { world, title, timing, seed, run, announced, acts } = change;
  const { graph, graphName, networkCount, sites, vantages } = world;
  return {
    schema: RECORDING_SCHEMA,
    version: VERSION,
    title,
    world: documentBeside(file, world),
    graph: {
      name: graphName,
      vertices: graph.vertexCount,
      networks: networkCount,
      digest: digestGraph(graph),
    },
    timing,
    seed,
    run,
    sites: sites.map(({ site, vertex, city, coordinates }) => ({
      site,
      vertex,
      as: graph.asn[vertex]!,
      ...(city === undefined ? {} : { city }),
      ...coordinates,
    })),
    vantages: vantages.map(({ vantage, vertex, city, coordinates }) => ({
      vantage,
      vertex,
      as: graph.asn[vertex]!,
      ...(city === undefined ? {} : { city }),
      ...coordinates,
    })),
    announced,
    acts,
  };
}

/** The world's document; a graph's file is named as seen from the recording, so that both can move together. */
function documentBeside(file: string, { document, folder }: OpenWorld): WorldDocument {
  const { clients: _clients, ...rest } = document;
  if (!("file" in rest.graph)) return rest;
  const from = dirname(resolve(file));
  const graph = relative(from, resolve(folder, rest.graph.file));
  return { ...rest, graph: { file: graph } };
}

/** Throws `UserError` naming the line that is wrong. */
export async function readRecording(file: string): Promise<Recording> {
  const reader = new RecordingReader();
  try {
    for await (const line of linesOf(file)) reader.push(line);
    return reader.finish();
  } catch (error) {
    throw refusal(file, error);
  }
}

/** With the world it was played in, which `graph` may say has moved. */
export async function openReplay(
  file: string,
  graph: string | undefined,
): Promise<{ readonly replay: Replay; readonly world: OpenWorld }> {
  const recording = await readRecording(file);
  const checked = checkDocument(recording.header.world, worldDocumentSchema);
  if (!checked.ok) {
    const [problem] = checked.problems;
    throw new UserError(
      "RECORDING_INVALID",
      `${file} line 1: its world is none: ${problem!.path}: ${problem!.message}`,
      { hint: "record it again" },
    );
  }
  const document =
    graph === undefined ? checked.value : { ...checked.value, graph: { file: resolve(graph) } };
  const world = await openWorld(document, dirname(file));
  try {
    return { replay: new Replay(recording, world.graph), world };
  } catch (error) {
    throw refusal(file, error);
  }
}

function refusal(file: string, error: unknown): unknown {
  if (error instanceof UserError) return error;
  if (error instanceof RecordingError) {
    return new UserError("RECORDING_INVALID", `${file} line ${error.line}: ${error.message}`, {
      hint: "name a file that `anycastle sim withdraw --record` wrote, and --graph if its graph has moved",
      cause: error,
    });
  }
  return new UserError("RECORDING_UNREADABLE", `${file} cannot be read: ${messageOf(error)}`, {
    hint: "name a file that `anycastle sim withdraw --record` wrote",
    cause: error,
  });
}

/** Lines without their ends; one that is longer than any line of a recording is given up on. */
async function* linesOf(file: string): AsyncGenerator<string> {
  let pending = "";
  const stream = createReadStream(file, { encoding: "utf8" });
  for await (const chunk of stream as AsyncIterable<string>) {
    const lines = chunk.split("\n");
    lines[0] = pending + lines[0]!;
    pending = lines.pop()!;
    yield* lines;
    if (pending.length > LINE_CHARS_MAX) break;
  }
  if (pending !== "") yield pending;
}
