/**
 * Request bodies that are too large for memory, kept in files without a name: sent again byte by byte, or not at all and said so.
 * A disk that is full is a tiny one, where the test may mount it.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, type Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import { RequestBody } from "#gateway/forward/request-body.ts";
import { SpillFile } from "#gateway/forward/spill-file.ts";
import { SpillStore } from "#gateway/forward/spill-store.ts";
import { ask, hang, reset, startStand, until, withStand, type Stand } from "./stand.ts";

const MIB = 1024 * 1024;
let directory = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "anycastle-spill-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

type Framing = "content-length" | "chunked";
const FRAMINGS: readonly Framing[] = ["content-length", "chunked"];

function fieldsOf(framing: Framing, body: Buffer): Record<string, string> {
  return framing === "chunked"
    ? { "transfer-encoding": "chunked" }
    : { "content-length": String(body.length) };
}

async function metric({ gateway }: Stand, name: string): Promise<number> {
  const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
  const line = text.split("\n").find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1));
}

const kept = (stand: Stand, result: string): Promise<number> =>
  metric(stand, `anycastle_body_spills_total{result="${result}"}`);

/** Nothing is left: of bytes counted, names in the directory, or files the process holds open there. */
async function assertNothingLeft(stand: Stand): Promise<void> {
  expect([await metric(stand, "anycastle_body_spill_bytes"), readdirSync(directory)]).toEqual([0, []]);
  await until(() => openFiles().length === 0);
}

function openFiles(): string[] {
  return readdirSync("/proc/self/fd").flatMap((descriptor) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${descriptor}`);
      return path.startsWith(directory) ? [path] : [];
    } catch {
      return [];
    }
  });
}

/** Reads so many bytes of a request's body, then acts. */
function after(bytes: number, act: (request: IncomingMessage) => void) {
  return (request: IncomingMessage): void => {
    let seen = 0;
    request.on("data", (chunk: Buffer) => {
      const before = seen;
      seen += chunk.length;
      if (before < bytes && seen >= bytes) act(request);
    });
  };
}

function withSpill(
  spill: Record<string, unknown>,
  work: (stand: Stand) => Promise<void>,
  document: Record<string, unknown> = {},
): Promise<void> {
  const sites = { ny1: 1, la1: 1 };
  return withStand(
    {
      sites,
      document: { body: { spill: { directory, ...spill } }, hedge: { isEnabled: false }, ...document },
    },
    work,
  );
}

describe.each(FRAMINGS)("%s", (framing) => {
  test("a large body is sent again, byte by byte, when its node dies with all of it", async () => {
    await withSpill({}, async (stand) => {
      stand.node("ny1-1").handler = reset;
      const body = randomBytes(5 * MIB + 12_345);
      const answer = await ask(stand.port, { method: "PUT", body, headers: fieldsOf(framing, body) });
      expect(answer.status).toBe(200);
      expect(stand.node("la1-1").seen[0]!.body.equals(body)).toBe(true);
      expect([await kept(stand, "kept"), await kept(stand, "failed")]).toEqual([1, 0]);
      await assertNothingLeft(stand);
    });
  });

  test("and when it dies in the middle, while the client still sends", async () => {
    await withSpill({}, async (stand) => {
      stand.node("ny1-1").onHead = after(MIB, (request) => request.socket.resetAndDestroy());
      const body = randomBytes(4 * MIB);
      const { request, answered } = upload(stand.port, fieldsOf(framing, body));
      for (let at = 0; at < body.length; at += 100_000) {
        if (!request.write(body.subarray(at, at + 100_000))) await drained(request);
      }
      request.end();
      expect(await answered).toBe(200);
      expect(stand.node("la1-1").seen[0]!.body.equals(body)).toBe(true);
      await assertNothingLeft(stand);
    });
  });
});

function upload(port: number, headers: Record<string, string>, method = "PUT") {
  const { promise: answered, resolve, reject } = Promise.withResolvers<number>();
  const request = httpRequest({ host: "127.0.0.1", port, method, headers, agent: false }, (response) => {
    failure = response.headers["x-gateway-failure"] as string | undefined;
    response.resume();
    response.on("end", () => resolve(response.statusCode!));
  });
  request.on("error", reject);
  let failure: string | undefined;
  return { request, answered, failure: () => failure };
}

function drained(request: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    request.once("drain", resolve);
  });
}

test("several nodes die one after the other, each with another part of it", async () => {
  const sites = { ny1: 3, la1: 1 };
  const document = { body: { spill: { directory } }, hedge: { isEnabled: false } };
  await withStand({ sites, document }, async (stand) => {
    for (const [index, node] of stand.nodes.slice(0, 3).entries())
      node.onHead = after((index + 1) * 700_000, (request) => request.socket.resetAndDestroy());
    const body = randomBytes(3 * MIB);
    const answer = await ask(stand.port, { method: "PUT", body });
    expect(answer.status).toBe(200);
    expect(stand.node("la1-1").seen[0]!.body.equals(body)).toBe(true);
    await assertNothingLeft(stand);
  });
});

test("a body larger than one may be goes through, and is not sent again", async () => {
  await withSpill({ bytesMax: MIB }, async (stand) => {
    const body = randomBytes(2 * MIB);
    expect((await ask(stand.port, { method: "PUT", body })).status).toBe(200);
    expect(stand.nodes.flatMap(({ seen }) => seen)[0]!.body.equals(body)).toBe(true);
    for (const node of stand.nodes) node.handler = reset;
    const answer = await ask(stand.port, { method: "PUT", body });
    expect([answer.status, answer.headers["x-gateway-failure"]?.toString().replace(/^./, "D")]).toEqual([
      502,
      "D; cause=reset; body=too-large-to-repeat",
    ]);
    await assertNothingLeft(stand);
  });
});

test("no room among all bodies: this one is not kept, said so and counted; the others are", async () => {
  await withSpill({ totalBytesMax: 2 * MIB }, async (stand) => {
    const body = randomBytes(MIB + MIB / 2);
    const first = upload(stand.port, { "content-length": String(body.length) });
    first.request.write(body.subarray(0, body.length - 1));
    await until(async () => (await metric(stand, "anycastle_body_spill_bytes")) > MIB);
    stand.node("ny1-1").handler = reset;
    const second = await ask(stand.port, { method: "PUT", body });
    expect([second.status, second.headers["x-gateway-failure"]]).toEqual([
      502,
      "D; cause=reset; body=spill-full",
    ]);
    first.request.end(body.subarray(body.length - 1));
    expect(await first.answered).toBe(200);
    expect(stand.node("la1-1").seen.map((seen) => seen.body.equals(body))).toEqual([true]);
    expect([await kept(stand, "kept"), await kept(stand, "full")]).toEqual([2, 1]);
    await assertNothingLeft(stand);
  });
});

test("a POST without a key is never sent twice, so it is not kept either", async () => {
  await withSpill({}, async (stand) => {
    stand.node("ny1-1").handler = reset;
    const body = randomBytes(MIB);
    expect((await ask(stand.port, { method: "POST", body })).status).toBe(502);
    expect([await kept(stand, "kept"), stand.node("la1-1").seen.length]).toEqual([0, 0]);
    const keyed = await ask(stand.port, { method: "POST", body, headers: { "idempotency-key": "k" } });
    expect([keyed.status, stand.node("la1-1").seen[0]!.body.equals(body)]).toEqual([200, true]);
  });
});

test("a client that leaves, or a node that answers early, leaves nothing behind", async () => {
  await withSpill({}, async (stand) => {
    const body = randomBytes(MIB);
    const gone = upload(stand.port, { "content-length": String(2 * MIB) });
    gone.request.write(body);
    await until(async () => (await metric(stand, "anycastle_body_spill_bytes")) > 500_000);
    gone.request.destroy();
    await expect(gone.answered).rejects.toThrow(/socket hang up|aborted|ECONNRESET/);
    await until(async () => (await metric(stand, "anycastle_body_spill_bytes")) === 0);
    stand.node("ny1-1").handler = hang;
    stand.node("ny1-1").onHead = (request, response) => {
      response.writeHead(403, { "content-length": "0" }).end();
      request.resume();
    };
    expect((await ask(stand.port, { method: "PUT", body })).status).toBe(403);
    await assertNothingLeft(stand);
    expect(stand.status().requests.active).toBe(0);
  });
});

test("back-pressure is kept: a node that does not read holds the client up, whatever the disk takes", async () => {
  await withSpill({ bytesMax: 512 * MIB, totalBytesMax: 512 * MIB }, async (stand) => {
    let reading: IncomingMessage | undefined;
    stand.node("ny1-1").onHead = (request) => {
      reading = request;
      request.pause();
    };
    const body = Buffer.alloc(64 * MIB, "abcdefghijk");
    const { request, answered } = upload(stand.port, { "content-length": String(body.length) });
    request.end(body);
    // Sockets and buffers on the way are full: nothing moves any more.
    let before = -1;
    await until(async () => {
      const now = await metric(stand, "anycastle_body_spill_bytes");
      await new Promise((resolve) => setTimeout(resolve, 50));
      const isStill = now > 0 && now === before;
      before = now;
      return isStill;
    });
    expect(before).toBeLessThan(32 * MIB);
    reading!.resume();
    expect(await answered).toBe(200);
    expect(stand.node("ny1-1").seen[0]!.body.equals(body)).toBe(true);
    await assertNothingLeft(stand);
  });
});

test("files have no name, and belong to the gateway alone", async () => {
  await withSpill({}, async (stand) => {
    stand.node("ny1-1").handler = hang;
    const { request, answered } = upload(stand.port, { "content-length": String(2 * MIB) });
    request.write(randomBytes(MIB));
    await until(() => openFiles().some((path) => path.endsWith(" (deleted)")));
    expect(readdirSync(directory)).toEqual([]);
    const descriptor = readdirSync("/proc/self/fd").find((each) => {
      try {
        return readlinkSync(`/proc/self/fd/${each}`).startsWith(directory);
      } catch {
        return false;
      }
    });
    expect((statSync(`/proc/self/fd/${descriptor}`).mode & 0o777).toString(8)).toBe("600");
    request.destroy();
    await expect(answered).rejects.toThrow(/socket hang up|aborted|ECONNRESET/);
    await until(async () => (await metric(stand, "anycastle_body_spill_bytes")) === 0);
  });
});

test("what a crash left between making a file and taking its name away is swept at the start", async () => {
  writeFileSync(join(directory, "anycastle-body-of-a-crash"), "");
  writeFileSync(join(directory, "of-somebody-else"), "");
  await withSpill({}, async () => {
    expect(readdirSync(directory)).toEqual(["of-somebody-else"]);
  });
});

test("a directory that is none, or may not be written to, ends the start and says what to type", async () => {
  rmSync(directory, { recursive: true });
  const document = { body: { spill: { directory } } };
  await expect(startStand({ document })).rejects.toMatchObject({
    code: "SPILL_DIRECTORY",
    message: expect.stringContaining(`body.spill.directory: ${directory}`),
    hint: `make it, for the gateway alone: install -d -m 700 ${directory}`,
  });
});

test("a directory that goes while it runs: the request goes through, and is not sent again", async () => {
  await withSpill({}, async (stand) => {
    rmSync(directory, { recursive: true });
    const body = randomBytes(MIB);
    expect((await ask(stand.port, { method: "PUT", body })).status).toBe(200);
    stand.node("ny1-1").handler = reset;
    const answer = await ask(stand.port, { method: "PUT", body });
    expect([answer.status, answer.headers["x-gateway-failure"]?.toString().slice(1)]).toEqual([
      502,
      "; cause=reset; body=spill-failed",
    ]);
    expect([await kept(stand, "failed"), stand.node("la1-1").seen.length]).toEqual([2, 0]);
    expect(await metric(stand, "anycastle_body_spill_bytes")).toBe(0);
  });
});

describe("a disk that is full", () => {
  const mounted = join(tmpdir(), `anycastle-spill-tiny-${process.pid}`);
  mkdirSync(mounted, { recursive: true });
  const isMounted =
    spawnSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", mounted], { stdio: "ignore" }).status ===
    0;
  if (!isMounted) process.stderr.write("SKIPPED: a disk that is full needs the right to mount a tmpfs\n");

  test.skipIf(!isMounted)("takes a part: the request goes through whole, and is not sent again", async () => {
    try {
      const spill = { directory: mounted };
      await withSpill(spill, async (stand) => {
        const body = randomBytes(2 * MIB);
        expect((await ask(stand.port, { method: "PUT", body })).status).toBe(200);
        expect(stand.node("ny1-1").seen[0]!.body.equals(body)).toBe(true);
        stand.node("ny1-1").handler = reset;
        const answer = await ask(stand.port, { method: "PUT", body });
        expect([answer.status, answer.headers["x-gateway-failure"]?.toString().slice(1)]).toEqual([
          502,
          "; cause=reset; body=spill-failed",
        ]);
        // What fits is sent again from the same disk.
        const small = randomBytes(150_000);
        const again = await ask(stand.port, { method: "PUT", body: small });
        expect([again.status, stand.node("la1-1").seen.at(-1)!.body.equals(small)]).toEqual([200, true]);
        expect(await metric(stand, "anycastle_body_spill_bytes")).toBe(0);
      });
    } finally {
      execFileSync("umount", ["-l", mounted]);
      rmSync(mounted, { recursive: true, force: true });
    }
  });
});

describe("the file", () => {
  const open = (failures: string[] = [], onDrain = (): void => undefined): SpillFile =>
    new SpillFile({
      path: join(directory, "body"),
      onDrain,
      onFailed: (error) => failures.push((error as NodeJS.ErrnoException).code ?? error.message),
    });

  async function readAll(file: SpillFile, bytes: number): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let position = 0;
    while (position < bytes) {
      const chunk = await new Promise<Buffer | undefined>((resolve) => file.read(position, resolve));
      if (chunk === undefined) throw new Error("it cannot be read");
      chunks.push(chunk);
      position += chunk.length;
    }
    return Buffer.concat(chunks);
  }

  test("is read while it is written, and as often as is wanted", async () => {
    const file = open();
    const body = randomBytes(1_000_000);
    const first = readAll(file, body.length);
    for (let at = 0; at < body.length; at += 30_000) {
      file.append(body.subarray(at, at + 30_000));
      if (at % 90_000 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await first).equals(body)).toBe(true);
    expect((await readAll(file, body.length)).equals(body)).toBe(true);
    file.close();
    await until(() => openFiles().length === 0);
  });

  test("who appends faster than the disk takes is held back, and told when there is room", async () => {
    let drains = 0;
    const file = open([], () => (drains += 1));
    const chunk = Buffer.alloc(100_000);
    expect([file.append(chunk), file.append(chunk), file.append(chunk)]).toEqual([true, true, false]);
    await until(() => drains === 1);
    expect(file.append(chunk)).toBe(true);
    file.close();
    await until(() => openFiles().length === 0);
  });

  test("bytes that come one by one are bounded by their number too", async () => {
    let drains = 0;
    const file = open([], () => (drains += 1));
    const body = randomBytes(3_000);
    let isRoom = true;
    let heldBackAt = 0;
    for (let at = 0; at < body.length; at++) {
      const wasRoom = isRoom;
      isRoom = file.append(body.subarray(at, at + 1));
      if (wasRoom && !isRoom) heldBackAt = at;
    }
    expect(heldBackAt).toBe(1_024);
    await until(() => drains === 1);
    expect((await readAll(file, body.length)).equals(body)).toBe(true);
    file.close();
    await until(() => openFiles().length === 0);
  });

  test("that cannot be made fails once, lets go who is held back, and gives nobody half of it", async () => {
    writeFileSync(join(directory, "body"), "somebody else's");
    const failures: string[] = [];
    let drains = 0;
    const file = open(failures, () => (drains += 1));
    expect(file.append(Buffer.alloc(300_000))).toBe(false);
    const read = new Promise((resolve) => file.read(0, resolve));
    expect(await read).toBe(undefined);
    await until(() => drains === 1);
    expect([failures, file.append(Buffer.alloc(10))]).toEqual([["EEXIST"], true]);
    file.close();
  });
});

/** Clients, attempts and disks at their worst: an attempt gets the whole body from its beginning, or an error, never a part that looks whole. */
test("whatever is abandoned when, however it comes: byte by byte the same, or an error", async () => {
  const store = (totalBytesMax: number): SpillStore =>
    new SpillStore(
      { directory, bytesMax: 10 * MIB, totalBytesMax },
      { kept: 0, full: 0, failed: 0, bytes: 0, files: 0 },
    );
  for (let seed = 1; seed <= 150; seed++) {
    const prng = new Prng(seed);
    const source = randomBytes(prng.integer(1, 500_000));
    const isTight = prng.chance(1, 4);
    const client = new PassThrough();
    const body = new RequestBody(
      client as unknown as IncomingMessage,
      -1,
      {
        replayBytesMax: [0, 1_000, 65_536][prng.integer(0, 2)]!,
        bytesMax: Infinity,
        spill: store(isTight ? source.length / 2 : 10 * MIB),
      },
      () => undefined,
    );
    const sending = send(client, source, prng.fork("client"));
    let result: Buffer | Error | "abandoned" = "abandoned";
    for (let attempt = 0; result === "abandoned" && body.canReplay; attempt++) {
      const isLast = attempt === 4;
      result = await take(body.open(), isLast ? Infinity : prng.integer(0, source.length), prng);
    }
    if (Buffer.isBuffer(result)) expect(result.equals(source), `seed ${seed}`).toBe(true);
    else expect(isTight && body.loss === "spill-full", `seed ${seed}`).toBe(true);
    body.discard();
    await sending;
  }
  await until(() => openFiles().length === 0);
});

async function send(client: PassThrough, source: Buffer, prng: Prng): Promise<void> {
  for (let at = 0; at < source.length;) {
    const size = prng.integer(1, prng.chance(1, 2) ? 3_000 : 80_000);
    if (!client.write(source.subarray(at, at + size))) await once(client, "drain");
    if (prng.chance(1, 5)) await turn();
    at += size;
  }
  client.end();
}

/** Reads up to so many bytes and lets go then. */
async function take(
  body: Buffer | Readable | null,
  bytesMax: number,
  prng: Prng,
): Promise<Buffer | Error | "abandoned"> {
  if (body === null) return Buffer.alloc(0);
  if (Buffer.isBuffer(body)) return body;
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= bytesMax) return "abandoned";
      if (prng.chance(1, 10)) await turn();
    }
    return Buffer.concat(chunks);
  } catch (error) {
    return error as Error;
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test("more of a body comes while the next node is far away than can be kept: nobody gets the rest alone", async () => {
  const document = {
    catchment: {
      fixed: {
        default: [
          { site: "ny1", rttMs: 1 },
          { site: "la1", rttMs: 60 },
        ],
      },
    },
    wan: { emulate: true },
    routing: { vantages: ["default"] },
  };
  await withStand({ sites: { ny1: 1, la1: 1 }, document }, async (stand) => {
    let asked = 0;
    stand.node("ny1-1").onHead = after(1, (request) => request.socket.resetAndDestroy());
    stand.node("la1-1").onHead = () => (asked += 1);
    const { request, answered, failure } = upload(stand.port, { "transfer-encoding": "chunked" });
    request.write(randomBytes(1_000));
    await until(() => stand.status().requests.retries === 1);
    request.write(randomBytes(200_000));
    expect(await answered).toBe(502);
    expect(failure()).toBe("D; cause=reset; body=too-large-to-repeat");
    request.destroy();
    expect(asked).toBe(0);
  });
});
