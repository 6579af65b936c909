/** A relay's API on a port of its own, in this process, and a plain HTTP call that sends just what it is told. */
import { request, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import type { EventBody } from "#core/wire/events.ts";
import { Prng } from "#core/prng.ts";
import { createRelayApi } from "#lab/relay/api/api.ts";
import { ProxyCollection } from "#lab/relay/proxy-collection.ts";

export interface RelayServer {
  readonly port: number;
  readonly url: string;
  readonly proxies: ProxyCollection;
  readonly events: EventBody[];
  close(): Promise<void>;
}

export async function startRelay(): Promise<RelayServer> {
  const events: EventBody[] = [];
  const proxies = new ProxyCollection(new Prng(1), { emit: (body) => events.push(body) });
  const server = createRelayApi(proxies);
  await server.listen({ host: "127.0.0.1", port: 0 });
  const { port } = server.server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    await server.close();
    for (const proxy of proxies.all()) await proxy.stop();
  };
  return { port, url: `http://127.0.0.1:${port}`, proxies, events, close };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export function call(
  port: number,
  method: string,
  path: string,
  body?: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const sent = request({ host: "127.0.0.1", port, method, path, headers, agent: false }, (response) => {
    let text = "";
    response.setEncoding("utf8").on("data", (part: string) => (text += part));
    response.on("end", () =>
      resolve({ status: response.statusCode!, headers: response.headers, body: text }),
    );
  });
  sent.on("error", reject);
  sent.end(body);
  return promise;
}
