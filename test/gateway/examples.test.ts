/** The examples of the gateway: each is a file that is read without a warning, started as it stands, and serves. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { Prng } from "#core/prng.ts";
import { startGateway } from "#gateway/gateway.ts";
import { loadConfig } from "../../cli/config-file/load.ts";
import { ask, FakeNode, TOKEN } from "./stand.ts";

const FOLDER = join(import.meta.dirname, "../../examples/gateway");
const NAMES = readdirSync(FOLDER);
const dir = mkdtempSync(join(tmpdir(), "anycastle-examples-"));
afterAll(() => rmSync(dir, { recursive: true }));

test("there are five", () => expect(NAMES.length).toBe(5));

test.each(NAMES)("%s: good as it stands, and serves", async (name) => {
  const written = readFileSync(join(FOLDER, name), "utf8");
  const asItStands = loadConfig(written);
  expect(asItStands).toMatchObject({ ok: true, warnings: [] });
  const ports = [...new Set(written.match(/127\.0\.0\.1:90\d\d/g))];
  const nodes = ports.map((_, index) => new FakeNode(`n${index}`, "any"));
  await Promise.all(nodes.map((node) => node.listen()));
  // The same with ports that are free.
  let text = written.replace("127.0.0.1:8080", "127.0.0.1:0").replace("access.log", join(dir, "access.log"));
  for (const [index, port] of ports.entries()) text = text.replaceAll(`http://${port}`, nodes[index]!.url);
  const loaded = loadConfig(text, { admin: "off" });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const gateway = await startGateway(loaded.config, {
    events: { emit: () => undefined },
    adminToken: TOKEN,
    version: "0",
    prng: new Prng(1),
  });
  try {
    const port = Number(new URL(gateway.url).port);
    expect((await ask(port)).status).toBe(200);
    // One of each site's two nodes may go.
    await nodes[0]!.kill();
    for (let count = 0; count < 10; count++) expect((await ask(port)).status).toBe(200);
  } finally {
    await gateway.close();
    await Promise.all(nodes.map((node) => node.kill().catch(() => undefined)));
  }
});
