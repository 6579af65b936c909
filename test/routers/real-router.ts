/** What the tests ask of a router that is not ours, whichever it is. */
import { Program, until } from "./program.ts";

export interface SeenRoute {
  readonly asPath: string;
  readonly nextHop: string;
  /** Undefined: the router does not tell. */
  readonly localPref: number | undefined;
  /** `65535:0`. */
  readonly communities: readonly string[];
}

export interface RealRouter {
  readonly program: Program;
  /** What its table holds of the prefix. */
  route(prefix: string): Promise<SeenRoute | undefined>;
  /** In the place of a node: takes the prefix back over the living session, and gives it again. */
  withdraw(prefix: string): Promise<void>;
  announce(prefix: string): Promise<void>;
  /** In the place of a router: asks a peer to send everything again (RFC 2918). */
  refresh(peer: string): Promise<void>;
}

export function untilSeen(
  router: RealRouter,
  prefix: string,
  isIt: (route: SeenRoute) => boolean = () => true,
): Promise<SeenRoute> {
  const look = async (): Promise<SeenRoute | undefined> => {
    const route = await router.route(prefix);
    return route !== undefined && isIt(route) ? route : undefined;
  };
  return until(`the route of ${prefix}`, look, 15_000, () => router.program.lines.slice(-20).join("\n"));
}

export function untilUnseen(router: RealRouter, prefix: string): Promise<true> {
  const look = async (): Promise<true | undefined> =>
    (await router.route(prefix)) === undefined ? true : undefined;
  return until(`${prefix} to be gone`, look, 15_000, () => router.program.lines.slice(-20).join("\n"));
}
