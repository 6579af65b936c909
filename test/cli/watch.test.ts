/** `anycastle watch` as a process: beside a real simulator, measuring through a gateway's port, and leaving at once. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PageSnapshot } from "#core/wire/page.ts";
import { FakeService, gatewayStatus } from "../lab/watch/fake-services.ts";
import { anycastle, LongRun, scratch } from "./run-cli.ts";

const { dir, remove } = scratch();
afterAll(remove);

function started(...args: readonly string[]): LongRun {
  const run = new LongRun(dir, args);
  onTestFinished(() => run.kill("SIGKILL"));
  return run;
}

/** The first message of a stream that stays open; it ends when its server does. */
async function snapshotOf(url: string): Promise<{ snapshot: PageSnapshot; ended: Promise<unknown> }> {
  const response = await fetch(`${url}api/v1/stream`);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value = "", done } = await reader.read();
    text += value;
    const [, data] = /event: snapshot\ndata: (.*)\n\n/.exec(text) ?? [];
    if (data !== undefined) {
      const untilEnd = async (): Promise<void> => {
        while (!(await reader.read()).done);
      };
      return { snapshot: JSON.parse(data) as PageSnapshot, ended: untilEnd() };
    }
    if (done) throw new Error(`no snapshot in: ${text}`);
  }
}

test("it shows what a real simulator tells and what it measures, and SIGTERM ends it while pages are open", async () => {
  writeFileSync(
    join(dir, "sim.yaml"),
    "listen: 127.0.0.1:0\nseed: 7\nrouters:\n  - { site: ny1, port: 0, peers: [{ node: ny1-1, as: 64601, bgpId: 192.0.2.7 }] }\n",
  );
  const sim = started("sim", "serve", "-c", "sim.yaml");
  await sim.said("process.ready");
  const [simUrl] = /http:\/\/127\.0\.0\.1:\d+/.exec(sim.stdout)!;
  const admin = new FakeService(gatewayStatus());
  await admin.start();
  const hosts = new Set<string>();
  const gateway = createServer((request, response) => {
    hosts.add(request.headers.host!.split(".")[0]!);
    response.setHeader("x-edge-route", "ny1").end("a page");
  });
  await new Promise<void>((resolve) => gateway.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    gateway.close();
    await admin.stop();
  });
  const gatewayUrl = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`;
  const services = ["--gateway", gatewayUrl, "--admin", admin.url, "--sim", simUrl];
  const watch = started("watch", "--listen", "127.0.0.1:0", ...services);
  await watch.said("watching the gateway");
  const [url] = /http:\/\/127\.0\.0\.1:\d+\//.exec(watch.stdout)!;
  const isWhole = ({ status, events }: PageSnapshot): boolean =>
    status.isReady && status.seed === 7 && events.some(({ kind }) => kind === "test.row");
  await expect.poll(async () => isWhole((await snapshotOf(url)).snapshot), { timeout: 20_000 }).toBe(true);
  const { snapshot, ended } = await snapshotOf(url);
  expect(snapshot.events.filter(({ kind }) => kind === "test.row")).toHaveLength(14);
  expect(hosts.size).toBe(14);
  watch.kill("SIGTERM");
  await ended;
  expect((await watch.ended).status).toBe(143);
}, 60_000);

test.each([
  ["--sim", "nowhere", "http://host:port"],
  ["--admin", "http://127.0.0.1:8082/status", "nothing after the port"],
  ["--gateway", "https://127.0.0.1", "http://host:port"],
  ["--host-name", "a b", "names of hosts"],
  ["--test-every", "1ms", "a time such as"],
])("%s %s is refused with what to type instead", async (flag, value, sentence) => {
  const { status, stderr } = await anycastle(dir, "watch", flag, value);
  expect([status, stderr]).toEqual([2, expect.stringContaining(sentence)]);
});
