import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { expect, test } from "vitest";
import { untakenBytes } from "#core/host/untaken-bytes.ts";

test("what a peer has not taken is told, and is nothing once it has", async (context) => {
  if (process.platform !== "linux") return context.skip("only Linux' kernel tells");
  const accepted = Promise.withResolvers<Socket>();
  const server = createServer((socket) => accepted.resolve(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const reader = connect((server.address() as AddressInfo).port, "127.0.0.1");
  reader.pause();
  const writer = await accepted.promise;
  const { fd } = (writer as unknown as { _handle: { fd: number } })._handle;
  writer.on("error", () => undefined);
  writer.write(Buffer.alloc(32 * 1024 * 1024));
  expect(untakenBytes([fd]).get(fd)).toBeGreaterThan(0);
  expect(untakenBytes([99_999]).size).toBe(0);
  const written = new Promise((resolve) => writer.once("drain", resolve));
  reader.resume();
  await written;
  while (untakenBytes([fd]).get(fd) !== 0) await new Promise((resolve) => setImmediate(resolve));
  reader.destroy();
  server.close();
});
