/** `/metrics`: bytes by proxy and direction, under Toxiproxy's names; counted as they pass, not when a connection ends. */
import { Counter, Registry } from "prom-client";
import { TOXIC_STREAMS } from "#core/wire/relay.ts";
import type { Proxy } from "../proxy.ts";
import type { StreamCount } from "../pump.ts";

const LABELS = ["direction", "proxy", "listener", "upstream"] as const;

export function createRegistry(proxies: () => readonly Proxy[]): Registry {
  const registry = new Registry();
  addBytes(registry, proxies, "received", "Bytes read from where the direction begins.");
  addBytes(registry, proxies, "sent", "Bytes written to where the direction leads.");
  return registry;
}

function addBytes(
  registry: Registry,
  proxies: () => readonly Proxy[],
  which: keyof StreamCount,
  help: string,
): void {
  const counter = new Counter({
    name: `toxiproxy_proxy_${which}_bytes_total`,
    help,
    labelNames: LABELS,
    registers: [registry],
    collect(): void {
      counter.reset();
      for (const proxy of proxies()) {
        const { name, listen, upstream } = proxy.view();
        for (const direction of TOXIC_STREAMS) {
          counter.inc({ direction, proxy: name, listener: listen, upstream }, proxy.counts[direction][which]);
        }
      }
    },
  });
}
