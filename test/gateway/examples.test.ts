/** The examples of the gateway: each is a file that is read without a warning, started as it stands, and serves. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { parse } from "yaml";
import { loadConfig } from "../../cli/config-file/load.ts";
import { ask, FakeNode, withGateway } from "./stand.ts";

const FOLDER = join(import.meta.dirname, "../../examples/gateway");
const NAMES = readdirSync(FOLDER);
const dir = mkdtempSync(join(tmpdir(), "anycastle-examples-"));
afterAll(() => rmSync(dir, { recursive: true }));

test("there are six", () => expect(NAMES.length).toBe(6));

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
  try {
    await withGateway(
      { ...(parse(text) as Record<string, unknown>), admin: "off" },
      async (_gateway, port) => {
        expect((await ask(port)).status).toBe(200);
        // One of each site's two nodes may go.
        await nodes[0]!.kill();
        for (let count = 0; count < 10; count++) expect((await ask(port)).status).toBe(200);
      },
    );
  } finally {
    await Promise.all(nodes.map((node) => node.kill().catch(() => undefined)));
  }
});
