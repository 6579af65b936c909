/** Numbers of the parts of a run, for the event loop's total order: nodes follow after the fixed ones. */
export const ACTOR = { lab: 0, network: 1, gateway: 2, load: 3 } as const;
const FIRST_NODE = 4;

export function actorOfNode(node: number): number {
  return FIRST_NODE + node;
}

export function actorCount(nodeCount: number): number {
  return FIRST_NODE + nodeCount;
}
