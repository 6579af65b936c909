import { expect, test } from "vitest";
import type { HttpCall } from "#drills/experiment/experiment.ts";
import type { Json } from "#drills/experiment/json.ts";
import { openScope, type Scope } from "#drills/experiment/scope.ts";
import { HttpProvider } from "#drills/providers/http-provider.ts";
import {
  ExchangeError,
  undiciTransport,
  type HttpReply,
  type HttpRequest,
} from "#drills/providers/http-transport.ts";
import { ProcessProvider } from "#drills/providers/process-provider.ts";
import { Providers } from "#drills/providers/providers.ts";
import { PythonProvider } from "#drills/providers/python-provider.ts";
import { runProcess, type ProcessRun } from "#drills/providers/run-process.ts";
import { startEchoServer } from "./echo-server.ts";

const NEVER = new AbortController().signal;
const SECRET = "hunter2-and-more";

function scopeOf(configuration: Record<string, Json> = {}): Scope {
  return openScope(
    {
      configuration: new Map(
        Object.entries(configuration).map(([name, value]) => [name, { from: "file", value }]),
      ),
      secrets: new Map([["s", new Map([["token", { from: "environment", key: "TOKEN" }]])]]),
    },
    (name) => (name === "TOKEN" ? SECRET : undefined),
  );
}

function callOf(call: Partial<HttpCall>): HttpCall {
  return {
    type: "http",
    url: "http://gateway/",
    method: "GET",
    headers: {},
    arguments: null,
    timeout: { connectMs: null, readMs: null },
    verifyTls: true,
    maxRetries: 0,
    ...call,
  };
}

/** A transport that answers without a network, and what it was asked. */
function faked(reply: Partial<HttpReply> | ExchangeError, failures = 0) {
  const asked: HttpRequest[] = [];
  const transport = {
    exchange: async (request: HttpRequest): Promise<HttpReply> => {
      asked.push(request);
      if (reply instanceof ExchangeError && asked.length > failures && failures > 0) {
        return { status: 200, headers: {}, body: Buffer.from("late") };
      }
      if (reply instanceof ExchangeError) throw reply;
      return { status: 200, headers: {}, body: Buffer.alloc(0), ...reply };
    },
  };
  return { provider: new HttpProvider(transport), asked };
}

test("a file without timeouts waits 30 s at most, one with them as it says, templates included", async () => {
  const { provider, asked } = faked({});
  await provider.run(callOf({}), scopeOf(), NEVER);
  await provider.run(callOf({ timeout: { connectMs: 500, readMs: 2_000 } }), scopeOf(), NEVER);
  await provider.run(callOf({ timeout: { template: "${limit}" } }), scopeOf({ limit: [0.1, 3] }), NEVER);
  expect(asked.map(({ connectMs, readMs }) => [connectMs, readMs])).toEqual([
    [30_000, 30_000],
    [500, 2_000],
    [100, 3_000],
  ]);
  await expect(provider.run(callOf({ timeout: { template: "${limit}" } }), scopeOf(), NEVER)).rejects.toThrow(
    "no number of seconds",
  );
});

test("connecting is tried again as the file says; nothing else is", async () => {
  const refused = new ExchangeError("connect", "refused", undefined);
  const patient = faked(refused, 2);
  expect(await patient.provider.run(callOf({ maxRetries: 2 }), scopeOf(), NEVER)).toMatchObject({
    body: "late",
  });
  const hasty = faked(refused, 2);
  await expect(hasty.provider.run(callOf({ maxRetries: 1 }), scopeOf(), NEVER)).rejects.toThrow(
    "failed to connect",
  );
  const cut = faked(new ExchangeError("exchange", "reset", undefined), 2);
  await expect(cut.provider.run(callOf({ maxRetries: 5 }), scopeOf(), NEVER)).rejects.toThrow(
    "failed to connect",
  );
  expect(cut.asked).toHaveLength(1);
});

test("a failed activity never tells a secret", async () => {
  const echo = new ExchangeError("exchange", `bad header Bearer ${SECRET}`, undefined);
  const { provider } = faked(echo);
  const call = callOf({ url: "http://gateway/?key=${token}", headers: { Authorization: "Bearer ${token}" } });
  const error = await provider.run(call, scopeOf(), NEVER).catch((error: unknown) => error as Error);
  expect(`${(error as Error).stack} ${JSON.stringify(error)}`).not.toContain(SECRET);
  expect((error as Error).message).toBe(
    "failed to connect to http://gateway/?key=[secret]: bad header Bearer [secret]",
  );
  await expect(provider.run(callOf({ url: "${token}" }), scopeOf(), NEVER)).rejects.toThrow(
    "[secret] is no http or https address",
  );
  const words = new ProcessProvider(async ({ words }) => Promise.reject(new Error(words.join(" "))), true);
  const process = { type: "process", path: "curl", arguments: ["${token}"], timeoutMs: null } as const;
  await expect(words.run(process, scopeOf(), NEVER)).rejects.toThrow("[secret]");
});

test("over a real socket: redirects are followed, silence is cut off, an abort ends it", async () => {
  const server = await startEchoServer();
  try {
    const provider = new HttpProvider(undiciTransport);
    const short = { connectMs: 1_000, readMs: 100 };
    expect(await provider.run(callOf({ url: `${server.url}/moved` }), scopeOf(), NEVER)).toMatchObject({
      status: 200,
      body: { a: [1, 2] },
      headers: { "X-Echo": "a" },
    });
    await expect(
      provider.run(callOf({ url: `${server.url}/never`, timeout: short }), scopeOf(), NEVER),
    ).rejects.toThrow("took too long");
    await expect(
      provider.run(callOf({ url: `${server.url}/stall`, timeout: short }), scopeOf(), NEVER),
    ).rejects.toThrow("took too long");
    await expect(provider.run(callOf({ url: `${server.url}/broken` }), scopeOf(), NEVER)).rejects.toThrow(
      "is no JSON",
    );
    const abort = new AbortController();
    const waiting = provider.run(callOf({ url: `${server.url}/never` }), scopeOf(), abort.signal);
    abort.abort(new Error("the drill was aborted"));
    await expect(waiting).rejects.toThrow("the drill was aborted");
  } finally {
    await server.close();
  }
});

test("processes run only when they are allowed, as words, and end with all they started", async () => {
  const call = (path: string, words: Json[], timeoutMs: number | null = null) =>
    ({ type: "process", path, arguments: words, timeoutMs }) as const;
  const forbidden = new ProcessProvider(async () => Promise.reject(new Error("it ran")), false);
  await expect(forbidden.run(call("curl", []), scopeOf(), NEVER)).rejects.toThrow(
    "the experiment wants to run curl: allow it with --allow-process",
  );
  const allowed = new ProcessProvider(runProcess, true);
  const node = process.execPath;
  const show = ["-e", "console.log(JSON.stringify(process.argv.slice(1)))", "--"];
  expect(
    await allowed.run(
      call(node, [...show, "$(id) ${word}", 5, true, "", null]),
      scopeOf({ word: "w; ls" }),
      NEVER,
    ),
  ).toEqual({
    status: 0,
    stdout: '["$(id) w; ls","5","True"]\n',
    stderr: "",
  });
  expect(
    await allowed.run(call(node, ["-e", "process.exitCode = 3; console.error('no')"]), scopeOf(), NEVER),
  ).toEqual({ status: 3, stdout: "", stderr: "no\n" });
  expect(
    await allowed.run(call(node, ["-e", "process.kill(process.pid, 'SIGKILL')"]), scopeOf(), NEVER),
  ).toMatchObject({ status: -9 });
  await expect(allowed.run(call("anycastle-no-such-program", []), scopeOf(), NEVER)).rejects.toThrow(
    "cannot be run",
  );
  const reader = ["-e", "process.stdin.pipe(process.stdout)"];
  expect(await allowed.runWithInput(call(node, reader), "said", scopeOf(), NEVER)).toMatchObject({
    stdout: "said",
  });
  const sleeper =
    "require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => 0, 1000)'], { stdio: 'inherit' }); setInterval(() => 0, 1000)";
  // It ends although a grandchild holds its output open: the whole group is killed.
  await expect(allowed.run(call(node, ["-e", sleeper], 300), scopeOf(), NEVER)).rejects.toThrow(
    "took too long",
  );
  await expect(
    allowed.run(
      call(node, ["-e", "for (;;) require('fs').writeSync(1, 'x'.repeat(65536))"]),
      scopeOf(),
      NEVER,
    ),
  ).rejects.toThrow("it wrote more than");
  const abort = new AbortController();
  const waiting = allowed.run(call(node, ["-e", "setInterval(() => 0, 1000)"]), scopeOf(), abort.signal);
  abort.abort(new Error("the drill was aborted"));
  await expect(waiting).rejects.toThrow("the drill was aborted");
});

test("Prometheus is asked as chaosprometheus asks it; k6 is started as chaosk6 starts it", async () => {
  const { provider, asked } = faked({
    headers: { "Content-Type": "application/json; charset=utf-8" },
    body: Buffer.from('{"status": "success"}'),
  });
  const runs: ProcessRun[] = [];
  const processes = new ProcessProvider(async (run) => {
    runs.push(run);
    return { status: 0, stdout: "", stderr: "" };
  }, true);
  const python = new PythonProvider(provider, processes, () => 1_700_000_000_000);
  const scope = scopeOf({ prometheus_base_url: "http://prometheus:9090", job: "edge" });
  const call = (module: string, func: string, given: Record<string, Json>) =>
    python.run({ type: "python", module, func, arguments: given }, scope, NEVER);
  const probes = "chaosprometheus.probes";
  expect(await call(probes, "query", { query: 'up{job="${job}"}' })).toEqual({ status: "success" });
  await call(probes, "query", { query: "up", when: "5 minutes ago", timeout: 2 });
  await call(probes, "query_interval", { query: "up", start: "1 hour ago", end: "now" });
  await expect(call(probes, "query", { query: "up", when: "yesterday" })).rejects.toThrow("a time is");
  expect(asked.map(({ url }) => url)).toEqual([
    "http://prometheus:9090/api/v1/query?query=up%7Bjob%3D%22edge%22%7D",
    "http://prometheus:9090/api/v1/query?query=up&timeout=2&time=1699999700.000",
    "http://prometheus:9090/api/v1/query_range?query=up&step=1&start=1699996400.000&end=1700000000.000",
  ]);
  expect(
    await call("chaosk6.actions", "run_script", { script_path: "/scripts/a.js", vus: 5, duration: "10s" }),
  ).toBe(null);
  expect(runs).toEqual([
    {
      path: "k6",
      words: ["run", "--quiet", "/scripts/a.js", "--vus", "5", "--duration", "10s"],
      timeoutMs: 70_000,
    },
  ]);
  const stress = { endpoint: "http://gateway/?a=${job}", vus: 2, duration: "1m" };
  expect(await call("chaosk6.actions", "stress_endpoint", stress)).toBe(true);
  expect(runs[1]).toMatchObject({
    words: [
      "run",
      "--quiet",
      "-",
      "--vus",
      "2",
      "--duration",
      "1m",
      "--env",
      "CHAOS_K6_URL=http://gateway/?a=edge",
    ],
    input: expect.stringContaining("http.get(__ENV.CHAOS_K6_URL)"),
  });
  const broken = new PythonProvider(faked({ status: 503 }).provider, processes, () => 0);
  await expect(
    broken.run({ type: "python", module: probes, func: "query", arguments: { query: "up" } }, scope, NEVER),
  ).rejects.toThrow("Prometheus query failed: status 503");
});

test("a probe as a tolerance is asked with the value as one more argument", async () => {
  const { provider, asked } = faked({ body: Buffer.from("yes") });
  const runs: ProcessRun[] = [];
  const processes = new ProcessProvider(async (run) => {
    runs.push(run);
    return { status: 0, stdout: "", stderr: "" };
  }, true);
  const providers = new Providers(provider, processes, new PythonProvider(provider, processes, () => 0));
  const http = callOf({ arguments: { limit: 5 } });
  const process = { type: "process", path: "test", arguments: ["limit", 5], timeoutMs: null } as const;
  const probe = (call: HttpCall | typeof process) => ({ type: "probe", name: "p", call }) as const;
  expect(await providers.ask(probe(http), "ny1", scopeOf(), NEVER)).toMatchObject({ body: "yes" });
  expect(await providers.ask(probe(process), 7, scopeOf(), NEVER)).toMatchObject({ status: 0 });
  expect(asked[0]!.url).toBe("http://gateway/?limit=5&value=ny1");
  expect(runs[0]!.words).toEqual(["limit", "5", "value", "7"]);
  const fault = { type: "probe", name: "p", call: { type: "remove", faultId: null } } as const;
  await expect(providers.ask(fault, 1, scopeOf(), NEVER)).rejects.toThrow("is a fault, and no question");
});
