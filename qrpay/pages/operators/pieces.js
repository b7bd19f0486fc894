// Pieces that every tab of the desk is built from.
import { clock, language, t } from "../lib/lang.js";
import { html, useCallback, useEffect, useState } from "../lib/view.js";
import { useWork } from "./gate.js";

/** What a thing is called, in the page's language. */
export function called(thing) {
  return language() === "zh" ? thing.zh : thing.en;
}

export function when(time) {
  return clock(time, { date: true, seconds: true });
}

/** An id that can be looked up. */
export function Link({ id, find }) {
  return html`<button type="button" class="link id" onClick=${() => find(id)}>${id}</button>`;
}

const ID = /^[a-z]{3}_[0-9A-HJKMNP-TV-Z]{26}$/;

export function Facts({ facts, find }) {
  return html`<dl>${facts.map((fact) => html`<dt>${called(fact)}</dt>
    <dd>${ID.test(fact.value) ? html`<${Link} id=${fact.value} find=${find} />` : fact.value}</dd>`)}</dl>`;
}

/** A list read from the server, and how to read it again: [lines | null, again, trouble]. */
export function useList(api, path) {
  const [lines, setLines] = useState(null);
  const [run, , trouble] = useWork();
  const again = useCallback(() => run(async () => setLines((await api.get(path)).data)), [path]);
  useEffect(() => { again(); }, [again]);
  return [lines, again, trouble];
}

export function Waiting() {
  return html`<p class="wait" role="status">${t("loading")}</p>`;
}

/** A reason, which whoever acts has to give. */
export function Reason() {
  return html`<label class="field"><span>${t("op_reason")}</span><input name="reason" required maxlength="256" autocomplete="off" /></label>`;
}
