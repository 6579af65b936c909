/** docker-compose.yml and the image's recipe, judged without an engine; `npm run containers` has the rest. */
import { execFile, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { SITES } from "#core/geography/cities.ts";
import { nodeConfigOf, nodeSchema } from "#edge-nodes/config.ts";
import { parseGatewayConfig } from "#gateway/config.ts";
import { simConfigOf, simSchema } from "#sim/serve/config.ts";
import { PROJECT_ROOT } from "../tidy/project-files.ts";

interface Service {
  readonly [key: string]: unknown;
  readonly image: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly read_only: boolean;
  readonly cap_drop: readonly string[];
  readonly healthcheck: { readonly test: readonly string[] };
  readonly stop_grace_period: string;
  readonly networks: { readonly edge: { readonly ipv4_address: string } };
  readonly profiles?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

interface ComposeFile {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: { readonly edge: { readonly ipam: { readonly config: readonly { subnet: string }[] } } };
}

/** Of the Compose Specification, what 1.27 to 1.29 and 2 know alike. */
const SERVICE_KEYS = new Set(
  "image build command environment ports volumes read_only cap_drop security_opt logging healthcheck depends_on stop_grace_period networks profiles".split(
    " ",
  ),
);
const DRAIN_ENV = "ANYCASTLE_DRAIN_MAX";

const textOf = (path: string): string => readFileSync(join(PROJECT_ROOT, path), "utf8");
const compose = parse(textOf("docker-compose.yml"), { merge: true }) as ComposeFile & Record<string, unknown>;
const services = Object.entries(compose.services);
/** What this project builds; the others are images of somebody else. */
const ours = services.filter(([, { build }]) => build !== undefined);
const nodes = ours.filter(([, { command }]) => command[0] === "node");
const gateway = compose.services["gateway"]!;
const sim = compose.services["sim"]!;

test("nine sites of two nodes, a gateway, a simulator and the page", () => {
  const expected = SITES.flatMap(({ site }) => [`${site}-1`, `${site}-2`]);
  expect(nodes.map(([name]) => name)).toEqual(expected);
  expect(ours.map(([name]) => name)).toEqual(["sim", "gateway", "page", ...expected]);
});

test("no key that one of the two Compose generations does not know", () => {
  const top = Object.keys(compose).filter((key) => !key.startsWith("x-"));
  expect(top).toEqual(["services", "networks"]);
  const odd = services.flatMap(([name, service]) =>
    Object.keys(service)
      .filter((key) => !SERVICE_KEYS.has(key))
      .map((key) => `${name}.${key}`),
  );
  expect(odd).toEqual([]);
});

test.each(services)("%s: no write, no capability, a health check, a fixed address", (name, service) => {
  expect(service.read_only).toBe(true);
  expect(service.cap_drop).toEqual(["ALL"]);
  expect(service["security_opt"]).toEqual(["no-new-privileges:true"]);
  expect(service.networks.edge.ipv4_address).toMatch(/^198\.18\.77\.\d+$/);
  expect(service.image).toMatch(/:[^:]*\w/);
  expect(service.image).not.toContain("latest");
  if (service.build === undefined) return;
  expect(service.build.dockerfile).toBe("deploy/Dockerfile");
  expect(service.healthcheck.test).toEqual(["CMD", "node", "/app/bin/healthcheck.js"]);
  expect(service.environment["ANYCASTLE_HEALTH_URL"]).toMatch(/^http:\/\/127\.0\.0\.1:80\d\d\//);
  expect(name === "sim" || service.depends_on?.["sim"]?.condition === "service_healthy").toBe(true);
});

test("ports are published on loopback only, under their own number", () => {
  const published = services.flatMap(([, { ports }]) => ports ?? []);
  expect(published.toSorted()).toEqual([8080, 8081, 8082, 8083].map((port) => `127.0.0.1:${port}:${port}`));
});

test("no two containers share an address, and all are of the network", () => {
  const addresses = services.map(([, { networks }]) => networks.edge.ipv4_address);
  expect(new Set(addresses).size).toBe(addresses.length);
  expect(compose.networks.edge.ipam.config).toEqual([{ subnet: "198.18.77.0/24" }]);
});

test("the profile `load` runs the project's own k6 plans against the gateway's address", () => {
  const others = services.filter(([, { build }]) => build === undefined);
  expect(others.map(([name, { profiles }]) => [name, profiles])).toEqual([["k6", ["load"]]]);
  const [, k6] = others[0]!;
  expect(k6.environment["URL"]).toBe(`http://${gateway.networks.edge.ipv4_address}:8080/`);
  expect(k6.depends_on).toEqual({ gateway: { condition: "service_healthy" } });
  expect(k6.command[1]).toBe("/loadtest/k6/${K6_PLAN:-golden}.ts");
});

test("what a stop may take is longer than what a drain takes", () => {
  const seconds = (text: string): number => Number(/^(\d+)s$/.exec(text)?.[1]);
  for (const [, { environment, stop_grace_period }] of nodes) {
    expect(seconds(stop_grace_period) * 1000).toBeGreaterThan(Number(environment[DRAIN_ENV]));
  }
  const parsed = parseGatewayConfig(parse(textOf("deploy/compose/gateway.yaml")));
  const drainMs = parsed.ok ? parsed.config.limits.drainTimeoutMs : Number.NaN;
  expect(seconds(gateway.stop_grace_period) * 1000).toBeGreaterThan(drainMs);
});

test("the gateway's file names the nodes and the feed at the addresses they have", () => {
  const parsed = parseGatewayConfig(parse(textOf("deploy/compose/gateway.yaml")));
  expect(parsed.ok && parsed.warnings).toEqual([]);
  if (!parsed.ok) return;
  const known = parsed.config.sites.flatMap((site) => site.nodes.map(({ id, url }) => [id, url]));
  const there = nodes.map(([name, { networks }]) => [name, `http://${networks.edge.ipv4_address}:8080`]);
  expect(known).toEqual(there);
  expect(parsed.config.catchment).toEqual({
    feed: `http://${sim.networks.edge.ipv4_address}:8083/v1/catchments`,
  });
  expect(gateway.volumes).toEqual(["./deploy/compose/gateway.yaml:/etc/anycastle/gateway.yaml:ro"]);
});

test("the page watches gateway and simulator at the addresses and ports that they have", () => {
  const page = compose.services["page"]!;
  const parsed = parseGatewayConfig(parse(textOf("deploy/compose/gateway.yaml")));
  const { listen, admin } = parsed.ok ? parsed.config : {};
  const simPort = sim.environment["ANYCASTLE_SIM_LISTEN"]!.split(":")[1];
  const address = (service: Service): string => `http://${service.networks.edge.ipv4_address}`;
  expect(page.environment).toMatchObject({
    ANYCASTLE_WATCH_GATEWAY: `${address(gateway)}:${listen?.port}`,
    ANYCASTLE_WATCH_ADMIN: `${address(gateway)}:${admin?.port}`,
    ANYCASTLE_WATCH_SIM: `${address(sim)}:${simPort}`,
  });
});

test("each node connects to the router of its site, which knows it", () => {
  const { routers } = simConfigOf(simSchema.parse({}), 1);
  for (const [name, { environment }] of nodes) {
    const { site, bgp } = nodeConfigOf(
      nodeSchema.parse({
        id: environment["ANYCASTLE_NODE_ID"],
        bgp: { router: environment["ANYCASTLE_BGP_ROUTER"] },
      }),
    );
    const router = routers.find((one) => one.site === site);
    expect(name.startsWith(`${site}-`)).toBe(true);
    expect([bgp?.routerHost, bgp?.routerPort]).toEqual([sim.networks.edge.ipv4_address, router?.port]);
    expect(router?.peers).toContainEqual({ node: name, as: bgp?.localAs, bgpId: bgp?.bgpId });
  }
});

test("every environment variable is one that the command knows", () => {
  const known = new Set(
    [...textOf("cli/node.ts").matchAll(/"([A-Z_]+)"/g)].map((match) => `ANYCASTLE_${match[1]}`),
  );
  for (const match of textOf("cli/sim.ts").matchAll(/\.env\("(\w+)"\)/g)) known.add(match[1]!);
  for (const match of textOf("cli/watch.ts").matchAll(/"([A-Z_]+)"/g))
    known.add(`ANYCASTLE_WATCH_${match[1]}`);
  known.add("ANYCASTLE_SEED").add("ANYCASTLE_HEALTH_URL");
  const used = ours.flatMap(([, { environment }]) => Object.keys(environment));
  expect(used.length).toBeGreaterThan(100);
  expect([...new Set(used)].filter((name) => !known.has(name))).toEqual([]);
});

test("docker-compose 1.x itself takes the file", (context) => {
  const version = spawnSync("docker-compose", ["version", "--short"], { encoding: "utf8", timeout: 15_000 });
  if (version.status !== 0) return context.skip("no docker-compose here");
  const { status, stderr } = spawnSync("docker-compose", ["--profile", "load", "config", "--quiet"], {
    cwd: PROJECT_ROOT,
    encoding: "utf8",
    timeout: 15_000,
  });
  expect([status, stderr]).toEqual([0, ""]);
});

const recipe = textOf("deploy/Dockerfile");
const instructions = recipe
  .replaceAll(/\\\n/g, " ")
  .split("\n")
  .filter((line) => /^[A-Z]/.test(line));

test("the images: the whole product last, a base that can be given, production dependencies only", () => {
  const from = instructions.filter((line) => line.startsWith("FROM "));
  expect(from).toEqual([
    "FROM ${BUILD_IMAGE} AS dependencies",
    "FROM dependencies AS gateway-dependencies",
    "FROM ${BASE_IMAGE} AS gateway",
    "FROM ${BASE_IMAGE}",
  ]);
  expect(instructions[0]).toMatch(/^ARG BASE_IMAGE=node:24-[a-z]/);
  const install = instructions.find((line) => line.includes('"npm", "ci"'));
  for (const flag of ["--omit=dev", "--omit=optional", "--ignore-scripts"]) expect(install).toContain(flag);
});

test("the images: numeric user that is not root, health check, exec form throughout, labels", () => {
  const users = instructions.filter((line) => line.startsWith("USER "));
  expect(users).toEqual(["USER 10001:10001", "USER 10001:10001"]);
  for (const name of ["RUN", "CMD", "ENTRYPOINT"]) {
    const lines = instructions.filter((line) => line.startsWith(`${name} `));
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.filter((line) => !line.startsWith(`${name} ["`))).toEqual([]);
  }
  expect(instructions.filter((line) => /^HEALTHCHECK .* CMD \["node"/.test(line))).toHaveLength(2);
  expect(recipe).toContain("org.opencontainers.image.version");
  expect(recipe).not.toMatch(/^# *syntax=/m);
});

test("the whole product's image gets every room that the command line imports, and nothing else", () => {
  const allowed = textOf(".dockerignore")
    .split("\n")
    .filter((line) => line.startsWith("!"))
    .map((line) => line.slice(1));
  expect(allowed.filter((path) => !existsSync(join(PROJECT_ROOT, path)))).toEqual([]);
  const { imports } = JSON.parse(textOf("package.json")) as { imports: Record<string, string> };
  const rooms = Object.keys(imports).map((name) => name.slice(1, -2));
  // The page is made of browser code; what is served of it is built.
  expect(allowed).toContain("dashboard/dist");
  expect(rooms.filter((room) => !allowed.includes(room) && room !== "dashboard")).toEqual([]);
  for (const path of ["test", "scripts", "bench", ".git", "node_modules", "docs"])
    expect(allowed).not.toContain(path);
});

const HEALTHCHECK = join(PROJECT_ROOT, "bin", "healthcheck.js");

test("the health check ends with 1 and a sentence where nothing listens, or the URL is none", () => {
  for (const [url, sentence] of [
    ["http://127.0.0.1:1/", "ECONNREFUSED"],
    ["nowhere", "ANYCASTLE_HEALTH_URL"],
  ] as const) {
    const env = { ...process.env, ANYCASTLE_HEALTH_URL: url };
    const { status, stdout } = spawnSync(process.execPath, [HEALTHCHECK], {
      env,
      encoding: "utf8",
      timeout: 15_000,
    });
    expect([status, stdout]).toEqual([1, expect.stringContaining(sentence)]);
  }
});

test("the health check says what was answered", async () => {
  const server = createServer((request, response) => {
    response.statusCode = request.url === "/ready" ? 200 : 503;
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  const check = (path: string): Promise<[number | null, string]> =>
    new Promise((resolve) => {
      const env = { ...process.env, ANYCASTLE_HEALTH_URL: `http://127.0.0.1:${port}${path}` };
      const child = execFile(process.execPath, [HEALTHCHECK], { env }, (_error, stdout) =>
        resolve([child.exitCode, stdout]),
      );
    });
  expect(await check("/ready")).toEqual([0, ""]);
  expect(await check("/health")).toEqual([1, expect.stringContaining("answered 503")]);
  server.close();
});
