/** What several kinds look at. */
import type { EmbeddedScene } from "./kind.ts";

/** Nobody listens any more. */
export async function seenRefused({ cast, nodes }: EmbeddedScene): Promise<string> {
  for (const node of nodes) {
    const { how } = await cast.ask(node);
    if (how !== "refused") throw new Error(`${node.node} was expected to refuse, and a request was ${how}`);
  }
  return `${named(nodes)}: connections are refused`;
}

/** Accepted by the kernel, or not even that; no byte comes back. */
export async function seenSilent({ cast, nodes }: EmbeddedScene): Promise<string> {
  const heard = await Promise.all(nodes.map((node) => cast.ask(node)));
  for (const [index, { how }] of heard.entries()) {
    if (how !== "silent")
      throw new Error(`${nodes[index]!.node} was expected to be silent, and a request was ${how}`);
  }
  return `${named(nodes)}: a request gets no byte`;
}

/** It serves, by the lab's word and by its own, and its routers hear it again: only then is all of a fault gone. */
export async function seenWell({ cast, nodes, target }: EmbeddedScene): Promise<string> {
  const heard = await Promise.all(nodes.map((node) => cast.ask(node)));
  for (const [index, answer] of heard.entries()) {
    const { node, process, fault, misbehaviour } = nodes[index]!;
    const wrong = fault ?? misbehaviour;
    if (wrong !== null) throw new Error(`the lab says that ${node} is under ${wrong}`);
    if (process !== "running") throw new Error(`the lab says that ${node} is ${process}`);
    if (answer.how !== "answered") throw new Error(`a request to ${node} was ${answer.how}`);
    if (answer.status !== 200) throw new Error(`${node} answers its readiness with ${answer.status}`);
  }
  return `${named(nodes)}: ready, and answers; ${await cast.untilBgp(target, "up")}`;
}

function named(nodes: EmbeddedScene["nodes"]): string {
  return nodes.map(({ node }) => node).join(", ");
}
