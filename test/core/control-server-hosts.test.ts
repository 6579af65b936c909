/** Under which names a control server on all addresses is reached: loopback's, and the address the connection came to. */
import { request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createControlServer } from "#core/host/control-server.ts";

const server = createControlServer({ token: "t".repeat(32) });
let port: number;

beforeAll(async () => {
  server.get("/", async () => ({}));
  port = Number(new URL(await server.listen({ host: "0.0.0.0", port: 0 })).port);
});

afterAll(async () => {
  await server.close();
});

function statusWith(hostname: string, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asking = request({ hostname, port, headers: { host } }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode!));
    });
    asking.on("error", reject);
    asking.end();
  });
}

test("the address a connection came to is a name of the server; another address and any foreign name are not", async (context) => {
  if (process.platform !== "linux") return context.skip("only Linux has all of 127.0.0.0/8 without setup");
  expect(await statusWith("127.0.0.9", `127.0.0.9:${port}`)).toBe(200);
  expect(await statusWith("127.0.0.9", `127.0.0.8:${port}`)).toBe(421);
  expect(await statusWith("127.0.0.9", `evil.example:${port}`)).toBe(421);
  expect(await statusWith("127.0.0.9", `127.0.0.9:${port + 1}`)).toBe(421);
  expect(await statusWith("127.0.0.9", `localhost:${port}`)).toBe(200);
});
