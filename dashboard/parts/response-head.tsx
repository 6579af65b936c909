/** The last answer a city got, as it came: status line and fields, the one that proves the site marked. */
import { duration } from "../model/figures.ts";
import { chosenCity, nameOf, status, tests, words } from "../store.ts";
import { Panel } from "./panel.tsx";

const PROOF = /^x-edge-route:/i;

export function ResponseHead() {
  const { head } = words.value;
  const row = tests.value?.last.get(chosenCity.value);
  const gatewayUrl = status.value?.gatewayUrl;
  const port = gatewayUrl === undefined ? "8080" : new URL(gatewayUrl).port;
  return (
    <Panel
      name="answer"
      title={head.title(nameOf(chosenCity.value))}
      command={`curl -sI http://${chosenCity.value}.localhost:${port}/`}
    >
      {row === undefined ? (
        <p class="empty">{head.none}</p>
      ) : row.head === null ? (
        <p class="empty">{head.noAnswer(row.error ?? "?")}</p>
      ) : (
        <>
          <pre tabIndex={0} aria-label={head.title(nameOf(chosenCity.value))}>
            {row.head.split("\r\n").map((line, index) => (
              <Line key={index} line={line} />
            ))}
          </pre>
          <p class="note">
            {head.by(
              row.node ?? "?",
              row.connectMs === null ? "–" : duration(row.connectMs),
              row.ttfbMs === null ? "–" : duration(row.ttfbMs),
            )}
          </p>
        </>
      )}
    </Panel>
  );
}

function Line({ line }: { readonly line: string }) {
  const colon = line.indexOf(":");
  return (
    <span class="line">
      {PROOF.test(line) ? (
        <mark>{line}</mark>
      ) : colon < 0 ? (
        <b>{line}</b>
      ) : (
        <>
          <span class="dim">{line.slice(0, colon + 1)}</span>
          {line.slice(colon + 1)}
        </>
      )}
    </span>
  );
}
