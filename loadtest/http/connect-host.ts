/** The host to connect to for a URL. `localhost` is IPv4 here, as resolvers differ about it; IPv6 loses its brackets. */
export function connectHost(url: URL): string {
  if (url.hostname === "localhost") return "127.0.0.1";
  return url.hostname.replace(/^\[(.*)\]$/, "$1");
}
