/** The field Server (RFC 9110 §10.2.4) of every answer, where the configuration has one: what nodes call themselves is not told. */
import type { ServerResponse } from "node:http";
import { without } from "../forward/fields.ts";

const SERVER = new Set(["server"]);

type Fields = string[] | Readonly<Record<string, unknown>>;

/** Of this response, whoever writes its head. */
export function nameServer(response: ServerResponse, name: string): void {
  const writeHead = response.writeHead.bind(response) as (
    status: number,
    ...rest: unknown[]
  ) => ServerResponse;
  response.writeHead = (status: number, ...rest: unknown[]): ServerResponse => {
    const [fields = {}] = rest.slice(-1) as [Fields?];
    const reason = typeof rest[0] === "string" ? [rest[0]] : [];
    return writeHead(status, ...reason, named(typeof fields === "string" ? {} : fields, name));
  };
}

function named(fields: Fields, name: string): Fields {
  return Array.isArray(fields) ? [...without(fields, SERVER), "server", name] : { ...fields, server: name };
}
