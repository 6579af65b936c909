/** The bodies of Toxiproxy's API (v2.12.0), read in its order of checks, with its defaults and its complaints. */
import { TOXIC_STREAMS, type ProxyView, type RelayProxy, type ToxicView } from "#core/wire/relay.ts";
import { TOXICS } from "../toxics/registry.ts";
import type { Toxic, ToxicAttributes } from "../toxics/toxic.ts";
import { ApiError, missingField } from "./api-error.ts";
import { parseValue, readList, readStruct, type GoFields } from "./go-json.ts";

const PROXY = "toxiproxy.Proxy";
const POPULATED = String.raw`struct { toxiproxy.Proxy; Enabled *bool "json:\"enabled\"" }`;
const WRAPPER = "toxics.ToxicWrapper";
const CHANGE = String.raw`struct { Attributes interface {} "json:\"attributes\""; Toxicity float32 "json:\"toxicity\"" }`;

export interface ProxyOrder extends RelayProxy {
  readonly enabled: boolean;
}

/** Of a new proxy. */
export function readProxy(body: string): ProxyOrder {
  const given = readStruct(parseValue(body), PROXY, proxyFields("Proxy", "Proxy"));
  const order = { name: "", listen: "", upstream: "", enabled: true, ...given };
  if (order.name === "") throw missingField("name");
  if (order.upstream === "") throw missingField("upstream");
  return order;
}

/** All are checked before anything is done with the first. */
export function readProxies(body: string): ProxyOrder[] {
  const orders = readList(parseValue(body), `[]${POPULATED}`).map((element) => ({
    name: "",
    listen: "",
    upstream: "",
    enabled: true,
    ...readStruct(element, POPULATED, proxyFields(".Proxy", "")),
  }));
  for (const [index, { name, upstream }] of orders.entries()) {
    if (name === "") throw missingField(`name at proxy ${index + 1}`);
    if (upstream === "") throw missingField(`upstream at proxy ${index + 1}`);
  }
  return orders;
}

/** What is left out stays as it is; a name is not changed. */
export function readProxyChange(body: string, { name, listen, upstream, enabled }: ProxyView): ProxyOrder {
  const given = readStruct(parseValue(body), PROXY, proxyFields("Proxy", "Proxy"));
  return { listen, upstream, enabled, ...given, name };
}

/** `isTaken`: whether the proxy has a toxic of this name. */
export function readToxic(body: string, isTaken: (name: string) => boolean): ToxicView {
  const value = parseValue(body);
  const wrapper = {
    name: "",
    type: "",
    stream: "downstream",
    toxicity: 1,
    ...readStruct(value, WRAPPER, WRAPPER_FIELDS),
  };
  const stream = TOXIC_STREAMS.find((known) => known === wrapper.stream.toLowerCase());
  if (stream === undefined) {
    throw new ApiError(400, "stream was invalid, can be either upstream or downstream");
  }
  const { type, toxicity } = wrapper;
  const name = wrapper.name === "" ? `${type}_${wrapper.stream}` : wrapper.name;
  const toxic = TOXICS.get(type);
  if (toxic === undefined) throw new ApiError(400, "invalid toxic type");
  if (isTaken(name)) throw new ApiError(409, "toxic already exists");
  const given = "attributes" in wrapper ? wrapper.attributes : null;
  return { attributes: readAttributes(given, toxic), name, type, stream, toxicity };
}

/** Attributes and toxicity only, all of them or none. */
export function readToxicChange(body: string, toxic: ToxicView): ToxicView {
  const made = TOXICS.get(toxic.type)!;
  const fields: GoFields = {
    attributes: { type: `toxics.${goName(toxic.type)}`, path: ".attributes" },
    toxicity: { type: "float32", path: ".toxicity" },
  };
  const { attributes = null, ...given } = readStruct(parseValue(body), CHANGE, fields);
  return {
    ...toxic,
    ...given,
    attributes: { ...toxic.attributes, ...readAttributes(attributes, made, toxic.attributes) },
  };
}

function readAttributes(given: unknown, toxic: Toxic, before: ToxicAttributes = {}): ToxicAttributes {
  const name = goName(toxic.type);
  const names = Object.keys(toxic.attributes);
  const fields = Object.fromEntries(
    names.map((field) => [field, { type: toxic.attributes[field]!, path: `${name}.attributes.${field}` }]),
  );
  const read = readStruct(given, `toxics.${name}`, fields) as ToxicAttributes;
  return Object.fromEntries(names.map((field) => [field, read[field] ?? before[field] ?? 0]));
}

function proxyFields(prefix: string, enabledPrefix: string): GoFields {
  return {
    name: { type: "string", path: `${prefix}.name` },
    listen: { type: "string", path: `${prefix}.listen` },
    upstream: { type: "string", path: `${prefix}.upstream` },
    enabled: { type: "bool", path: `${enabledPrefix}.enabled` },
  };
}

const WRAPPER_FIELDS: GoFields = {
  attributes: { type: "toxics.NoopToxic", path: "ToxicWrapper.attributes" },
  name: { type: "string", path: "ToxicWrapper.name" },
  type: { type: "string", path: "ToxicWrapper.type" },
  stream: { type: "string", path: "ToxicWrapper.stream" },
  toxicity: { type: "float32", path: "ToxicWrapper.toxicity" },
};

/** `slow_close` is a `SlowCloseToxic`; one has another name than its type. */
function goName(type: string): string {
  if (type === "reset_peer") return "ResetToxic";
  const words = type.split("_").map((word) => word.charAt(0).toUpperCase() + word.slice(1));
  return `${words.join("")}Toxic`;
}
