/**
 * The kill switch: what, how, then two steps. Arming changes nothing but the button; whatever is chosen anew disarms.
 * Escape disarms from anywhere in it.
 */
import { signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { PageNode } from "../../core/wire/page.ts";
import { FAULT_HOWS } from "../words/hows.ts";
import { networkOf } from "../model/site-state.ts";
import { drain, fail, outcome, reset, revive } from "../orders.ts";
import {
  canAct,
  chooseSite,
  chosenHow,
  chosenNode,
  chosenSite,
  chosenTarget,
  status,
  words,
} from "../store.ts";
import { Panel } from "./panel.tsx";

const armed = signal(false);
chosenHow.subscribe(disarm);
chosenTarget.subscribe(disarm);

function disarm(): void {
  armed.value = false;
}

export function KillSwitch() {
  const { kill, how: meaning } = words.value;
  const how = chosenHow.value;
  const target = chosenTarget.value;
  const isArmed = armed.value;
  return (
    <Panel
      name="kill"
      condition={isArmed ? "armed" : ""}
      title={kill.title}
      command={`npx anycastle kill ${target} --how ${how}`}
    >
      <form
        onSubmit={(event) => event.preventDefault()}
        onKeyDown={(event) => {
          if (event.key === "Escape") disarm();
        }}
      >
        <Targets />
        <fieldset class="chips">
          <legend>{kill.how}</legend>
          {FAULT_HOWS.map((value) => (
            <label key={value} class={`chip${value === how ? " chosen" : ""}`}>
              <input
                type="radio"
                name="how"
                value={value}
                checked={value === how}
                onChange={() => (chosenHow.value = value)}
              />
              {value}
            </label>
          ))}
        </fieldset>
        <p class="meaning">{meaning[how]}</p>
        <Orders isArmed={isArmed} />
        <p class={`outcome ${outcome.value?.sort ?? ""}`} role="status">
          {isArmed ? kill.armed(how, target) : outcome.value?.text}
        </p>
      </form>
    </Panel>
  );
}

function Targets() {
  const { kill, network } = words.value;
  const sites = status.value?.sites ?? [];
  const site = sites.find((known) => known.site === chosenSite.value);
  return (
    <>
      <fieldset class="chips">
        <legend>{kill.target}</legend>
        {sites.map((known) => (
          <label
            key={known.site}
            class={`chip ${networkOf(known)}${known.site === chosenSite.value ? " chosen" : ""}`}
            title={network[networkOf(known)]}
          >
            <input
              type="radio"
              name="site"
              value={known.site}
              checked={known.site === chosenSite.value}
              onChange={() => chooseSite(known.site)}
            />
            {known.site}
          </label>
        ))}
      </fieldset>
      <fieldset class="chips">
        <legend class="hidden">{kill.target}</legend>
        <NodeChip node={null} />
        {site?.nodes.map((node) => (
          <NodeChip key={node.node} node={node} />
        ))}
      </fieldset>
    </>
  );
}

/** Null: the whole site. */
function NodeChip({ node }: { readonly node: PageNode | null }) {
  const { kill } = words.value;
  const id = node?.node ?? null;
  const fault = node?.fault ?? null;
  const isChosen = id === chosenNode.value;
  return (
    <label
      class={`chip${isChosen ? " chosen" : ""}${fault === null ? "" : " withdrawn"}`}
      {...(fault === null ? {} : { title: kill.under(fault) })}
    >
      <input
        type="radio"
        name="node"
        value={id ?? ""}
        checked={isChosen}
        onChange={() => (chosenNode.value = id)}
      />
      {id ?? kill.wholeSite}
    </label>
  );
}

function Orders({ isArmed }: { readonly isArmed: boolean }) {
  const { kill } = words.value;
  const how = chosenHow.value;
  const target = chosenTarget.value;
  const isOff = !canAct.value;
  const arm = useRef<HTMLButtonElement>(null);
  const confirm = useRef<HTMLButtonElement>(null);
  const wasArmed = useRef(false);
  // Whoever armed by key confirms by key, and whoever disarmed by key is not thrown out of the form.
  useLayoutEffect(() => {
    if (isArmed) confirm.current?.focus();
    else if (wasArmed.current && document.activeElement === document.body) arm.current?.focus();
    wasArmed.current = isArmed;
  }, [isArmed]);
  const pull = (): void => {
    disarm();
    void fail(target, how);
  };
  return (
    <div class="orders">
      {isArmed ? (
        <>
          <button type="button" class="danger" ref={confirm} onClick={pull}>
            {kill.confirm(how, target)}
          </button>
          <button type="button" onClick={disarm}>
            {kill.cancel}
          </button>
        </>
      ) : (
        <button
          type="button"
          class="arm"
          ref={arm}
          disabled={isOff}
          onClick={() => {
            outcome.value = undefined;
            armed.value = true;
          }}
        >
          {kill.arm}
        </button>
      )}
      <span class="spacer" />
      <button type="button" disabled={isOff} onClick={() => void revive(target)}>
        {kill.revive(target)}
      </button>
      <button type="button" disabled={isOff} onClick={() => void drain(target)}>
        {kill.drain(target)}
      </button>
      <button type="button" disabled={isOff} onClick={() => void reset()}>
        {kill.reset}
      </button>
    </div>
  );
}
