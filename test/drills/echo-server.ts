/** An HTTP server that writes down what it is asked and answers as its paths say; for our provider and the real one. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly type: string | undefined;
  readonly token: string | undefined;
  readonly body: string;
}

export interface EchoServer {
  readonly url: string;
  /** Since it was last taken. */
  takeAsked(): Asked[];
  close(): Promise<void>;
}

const ANSWERS: Readonly<Record<string, [number, string, string | Buffer]>> = {
  "/json": [200, "application/json", '{"a": [1, 2]}'],
  "/charset": [200, "application/json; charset=utf-8", '{"a": "é"}'],
  "/upper": [200, "Application/JSON", '{"a": 1}'],
  "/broken": [200, "application/json", "{a"],
  "/text": [200, "text/plain", "é"],
  "/utf8": [200, "text/plain; charset=utf-8", "é"],
  "/plain": [404, "", "nothing here"],
  "/error": [500, "text/html", "<h1>no</h1>"],
  "/empty": [204, "", ""],
  "/ny1/": [200, "text/plain", "served by ny1"],
};

export async function startEchoServer(): Promise<EchoServer> {
  let asked: Asked[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      const body = Buffer.concat(chunks).toString();
      asked.push({ method, url, type: headers["content-type"], token: headers.authorization, body });
      const path = url.split("?")[0]!;
      if (path === "/never") return;
      if (path === "/stall") {
        response.writeHead(200, { "Content-Length": 10 });
        response.write("a");
        return;
      }
      if (path === "/moved") {
        response.writeHead(302, { Location: "/json?from=moved" }).end();
        return;
      }
      if (path === "/cut") {
        request.socket.destroy();
        return;
      }
      const [status, type, text] = ANSWERS[path] ?? [200, "text/plain", `${request.headers.authorization}`];
      response.writeHead(status, { ...(type === "" ? {} : { "Content-Type": type }), "X-Echo": "a" });
      response.end(text);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    takeAsked: () => {
      const taken = asked;
      asked = [];
      return taken;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

/** HTTP providers as a file has them, for `${base}`; the real Chaos Toolkit and ours must ask and answer alike. */
export const HTTP_PROVIDERS: readonly Readonly<Record<string, unknown>>[] = [
  { url: "${base}/json" },
  { url: "${base}/charset" },
  { url: "${base}/upper" },
  { url: "${base}/text" },
  { url: "${base}/utf8" },
  { url: "${base}/plain" },
  { url: "${base}/error", expected_status: 200 },
  { url: "${base}/empty" },
  { url: "${base}/moved" },
  { url: "${base}/json", arguments: { a: 1, b: "x y&z", c: [1, "2"], d: null, e: true, f: 0.5, g: "é" } },
  { url: "${base}/json?x=1", arguments: { a: "${word}" } },
  { url: "${base}/json", arguments: "raw=1&b" },
  { url: "${base}/json", arguments: {} },
  { url: "${base}/json", method: "post", arguments: { a: 1, b: ["x", "y"], c: null, d: false } },
  { url: "${base}/json", method: "POST", arguments: "raw text" },
  { url: "${base}/json", method: "POST" },
  {
    url: "${base}/json",
    method: "POST",
    headers: { "Content-Type": "application/json" },
    arguments: { a: "${number}", b: [1, null] },
  },
  {
    url: "${base}/json",
    method: "POST",
    headers: { "content-type": "application/json" },
    arguments: { a: 1 },
  },
  { url: "${base}/json", method: "POST", headers: { "Content-Type": "application/json" } },
  { url: "${base}/json", method: "PUT", headers: { "Content-Type": "text/csv" }, arguments: { a: 1 } },
  { url: "${base}/json", method: "DELETE", headers: { Authorization: "Bearer ${token}" } },
  { url: "${base}/json", method: "PATCH", arguments: { a: "$$ $word ${nobody} ${flag}" } },
  { url: "${base}/never", timeout: 0.2 },
  { url: "${base}/stall", timeout: [1, 0.2] },
  { url: "${base}/cut" },
  { url: "http://127.0.0.1:1/", timeout: 1 },
];
