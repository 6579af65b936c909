/** SIGSTOP: the process is frozen and keeps its sockets, the kernel goes on accepting for it. The other side only sees silence. */
import { isStopped } from "../embedded-cast.ts";
import { NO_ATTRIBUTES, type FaultKind } from "./kind.ts";
import { seenSilent, seenWell } from "./seen.ts";

export const nodeHang: FaultKind = {
  kind: "hang",
  aliases: ["node_hang"],
  meaning: "SIGSTOP: connections are accepted, no byte comes back",
  attributes: NO_ATTRIBUTES,
  embedded: {
    inject: ({ cast, target }) => cast.fail(target, "hang"),
    async verify(scene) {
      const running = scene.nodes.find((node) => !isStopped(node));
      if (running !== undefined) throw new Error(`the process of ${running.node} is not stopped`);
      for (const node of scene.nodes) {
        if (!(await scene.cast.isConnectable(node))) throw new Error(`${node.node} takes no connection`);
      }
      return `${await seenSilent(scene)}; processes are in state T`;
    },
    remove: ({ cast, target }) => cast.revive(target),
    async prove(scene) {
      const stopped = scene.nodes.find(isStopped);
      if (stopped !== undefined) throw new Error(`the process of ${stopped.node} is stopped`);
      return seenWell(scene);
    },
  },
};
