/**
 * A recording for the page (`core/wire/replay.ts`): its opening, the state at any moment, and frames that run forwards
 * or backwards in real time. A viewer's moment is in what he asks, not in the server, so that viewers do not disturb each
 * other and a page that is opened again loses nothing. A viewer who reads too slowly misses frames, never the last one.
 */
import type { ServerResponse } from "node:http";
import type { FastifyInstance } from "fastify";
import { EXIT, UserError } from "#core/errors.ts";
import { every, nowMs, type Timer } from "#core/host/clock.ts";
import { REPLAY_SCHEMA, type ReplayFrame, type ReplayOpening, type ReplayPlace } from "#core/wire/replay.ts";
import type { RecordedStory } from "#sim/recording/moments.ts";

/** Each costs a walk over all ASes per frame. */
const VIEWERS_MAX = 16;
const FRAME_MS = 50;
const BEAT_MS = 2_000;
const SPEED_MAX = 1_000;
/** A frame is a few hundred bytes: this is seconds of them. */
const BEHIND_BYTES_MAX = 64 * 1024;
const US_PER_MS = 1_000;

export interface ReplayHubOptions {
  readonly version: string;
  readonly modelLimits: string;
}

export class ReplayHub {
  readonly #story: RecordedStory;
  readonly #opening: ReplayOpening;
  readonly #endUs: number;
  /** What ends with each viewer's connection. */
  readonly #viewers = new Map<ServerResponse, Timer>();

  constructor(story: RecordedStory, options: ReplayHubOptions) {
    this.#story = story;
    this.#endUs = story.replay.recording.endUs;
    this.#opening = openingOf(story, options);
  }

  get viewerCount(): number {
    return this.#viewers.size;
  }

  addTo(server: FastifyInstance): void {
    server.get("/api/v1/stream", (_request, reply) => {
      this.#refuseWhenFull();
      reply.hijack();
      this.#open(reply.raw, `retry: 500\n\n${named("replay", this.#opening)}`);
      this.#viewers.set(
        reply.raw,
        every(BEAT_MS, () => reply.raw.write(named("beat", {})), { unref: true }),
      );
    });
    server.get<{ Querystring: { at?: string } }>("/api/v1/replay/frame", ({ query }, reply) => {
      void reply.header("cache-control", "no-store");
      return this.#frame(this.#momentOf(query.at));
    });
    server.get<{ Querystring: { at?: string; speed?: string } }>(
      "/api/v1/replay/stream",
      ({ query }, reply) => {
        const [atUs, speed] = [this.#momentOf(query.at), speedOf(query.speed)];
        this.#refuseWhenFull();
        reply.hijack();
        this.#play(reply.raw, atUs, speed);
      },
    );
  }

  /** Before the server: open streams would keep it. */
  close(): void {
    for (const [viewer, timer] of this.#viewers) {
      timer.cancel();
      viewer.end();
    }
  }

  #play(output: ServerResponse, startUs: number, speed: number): void {
    const startMs = nowMs();
    this.#open(output, named("frame", this.#frame(startUs)));
    const timer = every(FRAME_MS, () => {
      const elapsedUs = (nowMs() - startMs) * US_PER_MS * speed;
      const atUs = Math.max(0, Math.min(this.#endUs, Math.round(startUs + elapsedUs)));
      const isLast = atUs === (speed > 0 ? this.#endUs : 0);
      if (isLast) {
        output.end(named("frame", this.#frame(atUs)) + named("end", { atUs }));
        return timer.cancel();
      }
      if (output.writableLength <= BEHIND_BYTES_MAX) output.write(named("frame", this.#frame(atUs)));
    });
    this.#viewers.set(output, timer);
  }

  #open(output: ServerResponse, first: string): void {
    output.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
    });
    output.on("error", () => undefined);
    output.on("close", () => {
      this.#viewers.get(output)?.cancel();
      this.#viewers.delete(output);
    });
    output.write(first);
  }

  #frame(atUs: number): ReplayFrame {
    return this.#story.at(atUs);
  }

  #momentOf(text = "0"): number {
    const atUs = Number(text);
    if (/^\d{1,16}$/.test(text) && atUs <= this.#endUs) return atUs;
    throw new UserError("MOMENT_INVALID", `at=${text.slice(0, 40)} is no moment of this recording`, {
      hint: `whole µs from 0 to ${this.#endUs}`,
    });
  }

  #refuseWhenFull(): void {
    if (this.#viewers.size < VIEWERS_MAX) return;
    throw new UserError("VIEWERS_MAX", `${VIEWERS_MAX} pages watch already`, {
      hint: "close one of them",
      exitCode: EXIT.failure,
    });
  }
}

function speedOf(text = "1"): number {
  const speed = Number(text);
  if (/^-?\d{1,4}(?:\.\d{1,4})?$/.test(text) && speed !== 0 && Math.abs(speed) <= SPEED_MAX) return speed;
  throw new UserError("SPEED_INVALID", `speed=${text.slice(0, 40)} is no speed`, {
    hint: `a number from -${SPEED_MAX} to ${SPEED_MAX}, not 0`,
  });
}

function openingOf(story: RecordedStory, { version, modelLimits }: ReplayHubOptions): ReplayOpening {
  const { header, endUs } = story.replay.recording;
  return {
    schema: REPLAY_SCHEMA,
    version,
    title: header.title,
    graph: header.graph.name,
    ases: header.graph.networks,
    timing: header.timing,
    seed: header.seed,
    run: header.run,
    endUs,
    affected: story.affected.length,
    sites: header.sites.map((site) => placeOf(site.site, site)),
    vantages: header.vantages.map((vantage) => placeOf(vantage.vantage, vantage)),
    curve: story.curve(),
    moments: story.moments(),
    modelLimits,
  };
}

interface Somewhere {
  readonly as: number;
  readonly city?: string;
  readonly latitude?: number;
  readonly longitude?: number;
}

function placeOf(name: string, { as, city, latitude, longitude }: Somewhere): ReplayPlace {
  return { name, as, city: city ?? null, latitude: latitude ?? null, longitude: longitude ?? null };
}

function named(name: string, value: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(value)}\n\n`;
}
