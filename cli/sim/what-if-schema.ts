/** Name of the document of `sim what-if`; its `question` says which of the three forms it has. */
export const WHAT_IF_SCHEMA = "anycastle.sim-what-if/v1";
