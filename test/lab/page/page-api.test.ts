/** The page's side of the control API, on a lab with real processes: files, stream, session, measuring, refusals. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PAGE_KEY_HEADER, type SessionReply } from "#core/wire/control.ts";
import { LabClient } from "#lab/client.ts";
import { Lab, LAB_DEFAULTS } from "#lab/lab.ts";
import { PAGE_HEADERS } from "#lab/page/page-files.ts";
import { parseEvents, type SentEvent } from "./reader.ts";

const ANY_PORT = { port: 0, isStrict: false };

let runtimeDir: string;
let lab: Lab;

beforeAll(async () => {
  runtimeDir = mkdtempSync(join(tmpdir(), "anycastle-page-"));
  lab = await Lab.start({
    ...LAB_DEFAULTS,
    seed: 1,
    nodesPerSite: 1,
    gatewayPort: ANY_PORT,
    controlPort: ANY_PORT,
    runtimeDir,
    journalFile: undefined,
    version: "0.0.0",
  });
  await lab.untilReady();
}, 60_000);

afterAll(async () => {
  await lab.stop("the tests are over", "now");
  rmSync(runtimeDir, { recursive: true, force: true });
}, 30_000);

interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly text: string;
}

/** As a browser whose page came from the lab sends it: cookie and Origin, no token. */
function ask(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string | undefined> = {},
): Promise<Answer> {
  const { hostname, port, host, origin } = new URL(lab.controlUrl);
  const own = method === "GET" ? { host } : { host, origin, "content-type": "application/json" };
  const sent = Object.fromEntries(
    Object.entries({ ...own, ...headers }).filter(([, value]) => value !== undefined),
  );
  return new Promise((resolve, reject) => {
    const request = httpRequest({ hostname, port, path, method, headers: sent }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve({ status: response.statusCode!, headers: response.headers, text }));
    });
    request.on("error", reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** What a page with a session sends. */
async function openSession(): Promise<{ cookie: string; [PAGE_KEY_HEADER]: string }> {
  const key = new URL(lab.pageLink()).hash.replace("#key=", "");
  const { status, headers, text } = await ask("POST", "/api/v1/session", { key });
  expect([status, headers["cache-control"]]).toEqual([200, "no-store"]);
  const [cookie] = headers["set-cookie"] as string[];
  expect(cookie).toMatch(/^anycastle-\d+=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
  const { pageKey } = JSON.parse(text) as SessionReply;
  expect(pageKey).toMatch(/^[\w-]{43}$/);
  expect(cookie).not.toContain(pageKey);
  return { cookie: cookie!.split(";")[0]!, [PAGE_KEY_HEADER]: pageKey };
}

/** Reads the stream until `isEnough`. */
function stream(
  isEnough: (events: SentEvent[]) => boolean,
  headers: Record<string, string> = {},
): Promise<SentEvent[]> {
  const { hostname, port, host } = new URL(lab.controlUrl);
  return new Promise((resolve, reject) => {
    let text = "";
    const path = "/api/v1/stream";
    const request = httpRequest({ hostname, port, path, headers: { host, ...headers } }, (response) => {
      expect(response.headers["content-type"]).toBe("text/event-stream; charset=utf-8");
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
        const events = parseEvents(text.slice(0, text.lastIndexOf("\n\n") + 2));
        if (!isEnough(events)) return;
        request.destroy();
        resolve(events);
      });
      response.on("error", () => undefined);
    });
    request.on("error", reject);
    request.end();
  });
}

test("the list of paths stands at /api/v1", async () => {
  const { paths } = JSON.parse((await ask("GET", "/api/v1")).text) as { paths: string[] };
  expect(paths).toEqual(
    expect.arrayContaining(["GET /", "POST /api/v1/fail", "GET /api/v1/stream?after=ID"]),
  );
});

test.each([
  ["/", "text/html; charset=utf-8"],
  ["/page.js", "text/javascript; charset=utf-8"],
  ["/page.css", "text/css; charset=utf-8"],
  ["/icon.svg", "image/svg+xml"],
])("%s is served under the page's policy", async (path, type) => {
  const { status, headers } = await ask("GET", path);
  expect([status, headers["content-type"]]).toEqual([200, type]);
  expect(headers).toMatchObject(PAGE_HEADERS);
});

test("no other file of the project is served", async () => {
  for (const path of ["/index.html", "/main.tsx", "/../main.tsx", "/..%2fmain.tsx", "//page.js"])
    expect([path, (await ask("GET", path)).status]).toEqual([path, 404]);
});

test("a page without a session sees everything and may do nothing", async () => {
  const [snapshot] = await stream((events) => events.length > 0);
  expect(snapshot).toMatchObject({
    name: "snapshot",
    value: { canAct: false, canMeasure: false, status: { isReady: true } },
  });
  const { status, text } = await ask("POST", "/api/v1/fail", { target: "ny1", how: "kill" });
  expect([status, JSON.parse(text)]).toMatchObject([401, { error: { code: "TOKEN_REFUSED" } }]);
});

test("a link opens one session, once", async () => {
  const session = await openSession();
  const [snapshot] = await stream((events) => events.length > 0, { cookie: session.cookie });
  expect(snapshot).toMatchObject({ value: { canAct: true } });
  const key = new URL(lab.pageLink()).hash.replace("#key=", "");
  expect((await ask("POST", "/api/v1/session", { key })).status).toBe(200);
  const again = await ask("POST", "/api/v1/session", { key });
  expect([again.status, JSON.parse(again.text)]).toMatchObject([400, { error: { code: "LINK_USED" } }]);
});

test(
  "a session acts: the fault goes out on the stream, and the status with it",
  { timeout: 60_000 },
  async () => {
    const session = await openSession();
    const following = stream((events) => events.some(isMarkedKilled), { cookie: session.cookie });
    const answer = await ask("POST", "/api/v1/fail", { target: "wuh1", how: "kill" }, session);
    expect(JSON.parse(answer.text)).toMatchObject({ nodes: ["wuh1-1"] });
    const events = await following;
    expect(events.some(({ value }) => (value as { kind?: string }).kind === "fault.injected")).toBe(true);
    await ask("POST", "/api/v1/reset", {}, session);
  },
);

function isMarkedKilled({ name, value }: SentEvent): boolean {
  const status = value as { sites?: { site: string; nodes: { fault: string | null }[] }[] };
  return (
    name === "status" &&
    status.sites!.some(({ site, nodes }) => site === "wuh1" && nodes.every(({ fault }) => fault === "kill"))
  );
}

test.each<[string, Record<string, string | undefined>, number]>([
  ["a cookie from a page of another origin", { origin: "http://127.0.0.1:1" }, 403],
  ["a cookie without an Origin", { origin: undefined }, 401],
  ["a cookie and a form's body", { "content-type": "text/plain" }, 415],
  ["a made-up cookie", { cookie: "anycastle-1=x" }, 401],
  // A browser sends the cookie to every port of the host; whoever listens there can forge an Origin.
  ["a cookie without the key of its page", { [PAGE_KEY_HEADER]: undefined }, 401],
  ["a cookie with a made-up key", { [PAGE_KEY_HEADER]: "x".repeat(43) }, 401],
  ["a key without its cookie", { cookie: undefined }, 401],
])("refused: %s", async (_what, headers, status) => {
  const session = await openSession();
  expect((await ask("POST", "/api/v1/reset", {}, { ...session, ...headers })).status).toBe(status);
});

test.each([
  ["an image in a page from elsewhere", "cross-site", "image", 403],
  ["a frame in a page of another port", "same-site", "iframe", 403],
  ["a link that somebody follows", "cross-site", "document", 200],
  ["the page's own parts", "same-origin", "script", 200],
])("%s: %s, %s", async (_what, site, dest, status) => {
  const headers = { "sec-fetch-site": site, "sec-fetch-dest": dest };
  expect((await ask("GET", "/", undefined, headers)).status).toBe(status);
});

test("links are for those who hold the token or a session", async () => {
  expect((await ask("POST", "/api/v1/links", {})).status).toBe(401);
  const { url } = await LabClient.find(runtimeDir).link();
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#key=[\w-]{43}$/);
});

test("while somebody watches, the use of every process is told", { timeout: 30_000 }, async () => {
  const { pid } = lab.status();
  const events = await stream((seen) =>
    seen.some(({ value }) => (value as { kind?: string }).kind === "process.usage"),
  );
  const usage = events.map(({ value }) => value as { kind?: string; processes: object[] });
  const { processes } = usage.find(({ kind }) => kind === "process.usage")!;
  if (!existsSync("/proc/self/stat")) return;
  expect(processes).toHaveLength(9 + 4);
  expect(processes).toContainEqual(
    expect.objectContaining({ process: "lab", pid, rssBytes: expect.any(Number) as number }),
  );
  expect(processes).toContainEqual(
    expect.objectContaining({ process: "ny1-1", requestsPerS: expect.any(Number) as number }),
  );
});

test("measuring is passed to whoever can, and refused where nobody can", async () => {
  const session = await openSession();
  const refused = await ask("POST", "/api/v1/test", {}, session);
  expect([refused.status, JSON.parse(refused.text)]).toMatchObject([
    503,
    { error: { code: "MEASURER_NONE" } },
  ]);
  const asked: string[] = [];
  lab.useMeasurer({
    test: async () => void asked.push("test"),
    startLoad: async (rate) => void asked.push(`load ${rate}`),
    stopLoad: async () => void asked.push("load off"),
  });
  expect((await ask("POST", "/api/v1/test", {}, session)).status).toBe(200);
  expect((await ask("POST", "/api/v1/load", { rate: 200 }, session)).status).toBe(200);
  expect((await ask("POST", "/api/v1/load", { rate: null }, session)).status).toBe(200);
  expect((await ask("POST", "/api/v1/load", { rate: 9_999_999 }, session)).status).toBe(400);
  expect(asked).toEqual(["test", "load 200", "load off"]);
});
