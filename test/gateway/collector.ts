/** A collector of OTLP over HTTP on port 0, and a stand that tells it its traces. */
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "vitest";
import { withStand, type Stand, type StandOptions } from "./stand.ts";

export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly traceState?: string;
  readonly status: { readonly code?: number };
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[];
}

/** For tests that wait for spans while the gateway runs. */
export const SOON = { batchMs: 20 };

/** Takes OTLP as JSON. */
export class Collector {
  readonly spans: Span[] = [];
  readonly services = new Set<unknown>();
  readonly #server: Server = createServer((request, response) => {
    void this.#take(request).then(() =>
      response.writeHead(200, { "content-type": "application/json" }).end("{}"),
    );
  });

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #take(request: IncomingMessage): Promise<void> {
    expect([request.method, request.url]).toEqual(["POST", "/v1/traces"]);
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const { resourceSpans } = JSON.parse(text) as {
      resourceSpans: {
        resource: { attributes: Span["attributes"] };
        scopeSpans: { spans: Span[] }[];
      }[];
    };
    for (const { resource, scopeSpans } of resourceSpans) {
      this.services.add(attribute(resource, "service.name"));
      for (const { spans } of scopeSpans) this.spans.push(...spans);
    }
  }
}

export function attribute({ attributes }: Pick<Span, "attributes">, key: string): unknown {
  const value = attributes.find((each) => each.key === key)?.value;
  return value === undefined ? undefined : Object.values(value)[0];
}

export async function withCollector(
  { otlp, ...tracing }: { readonly otlp?: object; readonly [key: string]: unknown },
  work: (stand: Stand, collector: Collector) => Promise<void>,
  options: StandOptions = {},
): Promise<void> {
  const collector = new Collector();
  const endpoint = await collector.start();
  try {
    const document = { tracing: { otlp: { endpoint, ...otlp }, ...tracing }, ...options.document };
    const sites = options.sites ?? { ny1: 1, la1: 1 };
    await withStand({ ...options, sites, document }, (stand) => work(stand, collector));
  } finally {
    collector.stop();
  }
}

/** All that the collector was told of `work`, the end of the gateway included. */
export async function spansOf(
  tracing: Parameters<typeof withCollector>[0],
  work: (stand: Stand) => Promise<void>,
  options: StandOptions = {},
): Promise<readonly Span[]> {
  let told: readonly Span[] = [];
  const taken = async (stand: Stand, { spans }: Collector): Promise<void> => {
    told = spans;
    await work(stand);
  };
  await withCollector(tracing, taken, options);
  return told;
}

export function traceparents({ nodes }: Stand): string[] {
  return nodes.flatMap(({ seen }) =>
    seen.map(({ rawHeaders }) => rawHeaders[rawHeaders.indexOf("traceparent") + 1]!),
  );
}
