/** Who serves each city of the default world while all nine sites stand. */
export const HOME: Readonly<Record<string, string>> = {
  "new-york": "ny1",
  "los-angeles": "la1",
  "san-francisco": "la1",
  london: "ams1",
  frankfurt: "ams1",
  amsterdam: "ams1",
  "hong-kong": "hkg1",
  singapore: "hkg1",
  sydney: "syd1",
  shanghai: "hgh1",
  hangzhou: "hgh1",
  wuhan: "wuh1",
  chengdu: "ctu1",
  shenzhen: "szx1",
};
