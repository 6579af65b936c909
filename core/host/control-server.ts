/**
 * An HTTP server for control APIs that a web page must not be able to misuse, on loopback too.
 *
 * Refused before any handler runs: a Host that does not name this server (DNS rebinding), a foreign Origin (a page
 * the operator has open elsewhere), whatever would become part of such a page, and any method but GET and HEAD without
 * the run's bearer token (or a session of the server's own page) or without a JSON body type (a form post needs no
 * preflight, a JSON one does). GET never changes anything: handlers that do are POST, PUT or DELETE. Errors leave as
 * `ErrorReply` with the status of what went wrong.
 */
import fastify, { type FastifyInstance, type FastifyRequest } from "fastify";
import { EXIT, UserError } from "#core/errors.ts";
import { PAGE_KEY_HEADER, type ErrorReply } from "#core/wire/control.ts";
import { isSameSecret } from "./same-secret.ts";

const BODY_BYTES_MAX = 1024 * 1024;

export interface ControlServerOptions {
  /** Bearer token of the run. */
  readonly token: string;
  /**
   * Host names under which the server may be addressed, without port; loopback names are always among them, and so is the
   * address that the connection came to: no foreign name can resolve into the Host of an address.
   */
  readonly hostNames?: readonly string[];
  /** Whether a Cookie field and the key of a page are of one session, which may do what the token may. */
  readonly isSession?: (cookies: string, pageKey: string) => boolean;
  /** Paths whose POST needs no token, because its body carries a secret of its own. */
  readonly openPaths?: ReadonlySet<string>;
  /** GET of this path lists what there is; `/` unless told otherwise. */
  readonly indexPath?: string;
  /** Why this server takes no orders: each is answered 405 with this sentence, token or not. */
  readonly readOnlyBecause?: string;
}

export function createControlServer(options: ControlServerOptions): FastifyInstance {
  const server = fastify({ logger: false, bodyLimit: BODY_BYTES_MAX, forceCloseConnections: true });
  const hostNames = new Set(["127.0.0.1", "localhost", "[::1]", ...(options.hostNames ?? [])]);

  server.addHook("onRequest", async (request) => {
    const host = request.headers.host ?? "";
    if (!isOwnHost(host, hostNames, request)) {
      throw new UserError("HOST_REFUSED", `Host "${host.slice(0, 80)}" does not name this server`);
    }
    const origin = request.headers.origin;
    if (origin !== undefined && origin !== `http://${host}`) {
      throw new UserError("ORIGIN_REFUSED", `Origin "${origin.slice(0, 80)}" is not this server's own`);
    }
    if (isBorrowed(request)) {
      throw new UserError("ORIGIN_REFUSED", "a page from elsewhere may not take its parts from here");
    }
    if (request.method === "GET" || request.method === "HEAD") return;
    if (options.readOnlyBecause !== undefined) {
      throw new UserError("READ_ONLY", `${request.method} is not taken here: ${options.readOnlyBecause}`);
    }
    const isOpen = options.openPaths?.has(request.url) === true;
    if (!isOpen && !isAuthorized(request, options.token) && !hasSession(request, options)) {
      throw new UserError("TOKEN_REFUSED", "the call changes something and carries no valid token", {
        hint: "send `authorization: Bearer <token>`; the token is in lab.json in the runtime directory",
      });
    }
    // Without a body there is nothing to be of a type, and no form of a page can send it.
    if (request.method === "DELETE" && isBare(request)) {
      // What it says of a body that is not there would be believed.
      delete request.raw.headers["content-type"];
      return;
    }
    const type = request.headers["content-type"] ?? "";
    if (!/^application\/json(;|$)/.test(type)) {
      throw new UserError("TYPE_REFUSED", `content-type "${type.slice(0, 80)}" is not application/json`);
    }
  });

  // JSON is UTF-8 (RFC 8259 §8.1), and there are clients that take it for JSON only without being told (Chaos Toolkit).
  server.addHook("onSend", async (_request, reply) => {
    if (reply.getHeader("content-type") === "application/json; charset=utf-8") {
      reply.header("content-type", "application/json");
    }
  });

  server.setErrorHandler((error: unknown, _request, reply) => {
    void reply.status(statusOf(error)).send(errorReply(error));
  });
  server.setNotFoundHandler((request, reply) => {
    const error = new UserError("PATH_UNKNOWN", `no ${request.method} ${request.url.slice(0, 80)} here`, {
      hint: `GET ${options.indexPath ?? "/"} lists what there is`,
    });
    void reply.status(404).send(errorReply(error));
  });
  return server;
}

const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  HOST_REFUSED: 421,
  ORIGIN_REFUSED: 403,
  TOKEN_REFUSED: 401,
  TYPE_REFUSED: 415,
  READ_ONLY: 405,
};

function statusOf(error: unknown): number {
  if (error instanceof UserError) {
    return STATUS_OF_CODE[error.code] ?? (error.exitCode === EXIT.usage ? 400 : 503);
  }
  if (typeof error === "object" && error !== null && "statusCode" in error) {
    return typeof error.statusCode === "number" ? error.statusCode : 500;
  }
  return 500;
}

function errorReply(error: unknown): ErrorReply {
  const code =
    typeof error === "object" && error !== null && "code" in error && typeof error.code === "string"
      ? error.code
      : "INTERNAL";
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof UserError ? error.hint : undefined;
  return { error: hint === undefined ? { code, message } : { code, message, hint } };
}

function isOwnHost(host: string, hostNames: ReadonlySet<string>, { socket }: FastifyRequest): boolean {
  const end = host.lastIndexOf(":");
  if (end <= 0 || host.slice(end + 1) !== String(socket.localPort)) return false;
  const name = host.slice(0, end).toLowerCase();
  // A socket that serves IPv4 and IPv6 alike names IPv4 addresses in IPv6's way.
  const address = socket.localAddress?.replace(/^::ffff:/, "");
  return hostNames.has(name) || (address !== undefined && name === bracketed(address));
}

function isBare({ headers }: FastifyRequest): boolean {
  return Number(headers["content-length"] ?? 0) === 0 && headers["transfer-encoding"] === undefined;
}

function bracketed(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}

/**
 * An image, a frame or a script in a page from elsewhere: a browser sends no Origin with these, but says what they are
 * (Fetch Metadata). They could not read the answer, but would hold a stream open. A link that somebody follows is no part.
 */
function isBorrowed({ headers }: FastifyRequest): boolean {
  const site = headers["sec-fetch-site"];
  return (site === "cross-site" || site === "same-site") && headers["sec-fetch-dest"] !== "document";
}

/**
 * A browser sends an Origin with every POST; without one nobody says which page is asking. The cookie alone proves little:
 * a browser sends it to every port of the host. The page's key stays with the page's own port.
 */
function hasSession({ headers }: FastifyRequest, { isSession }: ControlServerOptions): boolean {
  const pageKey = headers[PAGE_KEY_HEADER];
  if (headers.origin === undefined || headers.cookie === undefined || typeof pageKey !== "string")
    return false;
  return isSession?.(headers.cookie, pageKey) === true;
}

function isAuthorized(request: FastifyRequest, token: string): boolean {
  const match = /^Bearer (.+)$/.exec(request.headers.authorization ?? "");
  return match !== null && isSameSecret(match[1]!, token);
}
