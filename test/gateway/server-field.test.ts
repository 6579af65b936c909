/** The field `server` of every answer, whoever makes it. */
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { ask, withStand, type Answer } from "./stand.ts";

function serversOf({ rawHeaders }: Answer): string[] {
  return rawHeaders.filter(
    (_, index) => index % 2 === 1 && rawHeaders[index - 1]!.toLowerCase() === "server",
  );
}

test("as it was configured, once: of nodes, of the gateway, from the cache, of what is no request; else as nodes say", async () => {
  const document = { server: "nginx", cache: {} };
  await withStand({ sites: { ny1: 1 }, document }, async (stand) => {
    const node = stand.node("ny1-1");
    node.handler = (_request, response) => {
      response.writeHead(200, "Fine", { server: "node/1", "cache-control": "max-age=60" }).end("x");
    };
    const first = await ask(stand.port);
    const kept = await ask(stand.port);
    await node.kill();
    const failed = await ask(stand.port, { path: "/other" });
    const refused = await ask(stand.port, { headers: { expect: "nonsense" } });
    expect([first, kept, failed, refused].map(({ status }) => status)).toEqual([200, 200, 502, 417]);
    expect([first, kept, failed, refused].map(serversOf)).toEqual(Array.from({ length: 4 }, () => ["nginx"]));
    const socket = connect(stand.port, "127.0.0.1");
    socket.write("garbage\r\n\r\n");
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n[^]*server: nginx\r\n/);
    stand.gateway.reload({ ...stand.config, serverField: undefined });
    expect(serversOf(await ask(stand.port, { path: "/third" }))).toEqual([]);
  });
});

test("without it what nodes say passes", async () => {
  await withStand({ sites: { ny1: 1 } }, async (stand) => {
    stand.node("ny1-1").handler = (_request, response) => {
      response.writeHead(200, { server: "node/1" }).end("x");
    };
    expect(serversOf(await ask(stand.port))).toEqual(["node/1"]);
  });
});
