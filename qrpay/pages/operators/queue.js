// What waits for a decision: one line each; opened, all there is to see, and yes or no with a reason.
import { t } from "../lib/lang.js";
import { html, Title, Trouble, useEffect, useState } from "../lib/view.js";
import { Application } from "./application.js";
import { useWork, valuesOf } from "./gate.js";
import { called, Facts, Reason, useList, Waiting, when } from "./pieces.js";

export function Queue({ api, me, find }) {
  const [lines, again, trouble] = useList(api, "/v1/operators/reviews");
  const [open, setOpen] = useState(null);
  const [said, setSaid] = useState("");
  const over = (text) => { setOpen(null); setSaid(text); again(); };
  const decided = (verdict) => over(t(verdict === "approved" ? "op_approved" : "op_rejected"));
  return html`<section class="panel">
    <${Title}>${t("op_tab_queue")}<//>
    <p class="news" role="status">${said}</p>
    <${Trouble} reason=${trouble} again=${again} />
    ${lines === null && !trouble && html`<${Waiting} />`}
    ${lines?.length === 0 && html`<p class="card">${t("op_queue_empty")}</p>`}
    <ul class="rows">${(lines ?? []).map((line) => html`<li key=${line.id} data-review=${line.id}>
      <button type="button" class="row" aria-expanded=${open === line.id} onClick=${() => { setSaid(""); setOpen(open === line.id ? null : line.id); }}>
        <span><strong>${called(line)}</strong><span class="id">${line.about}</span></span>
        <span class="fine">${when(line.since)}${line.own && html` <span class="badge">${t("op_own")}</span>`}</span>
      </button>
      ${open === line.id && html`<${Case} api=${api} me=${me} line=${line} find=${find} decided=${decided} over=${over} again=${again} />`}
    </li>`)}</ul>
  </section>`;
}

function Case({ api, me, line, find, decided, over, again }) {
  const path = `/v1/operators/reviews/${line.kind}/${line.id}`;
  const [shown, setShown] = useState(null);
  const [run, busy, trouble] = useWork();
  const look = () => run(async () => setShown(await api.get(path)));
  useEffect(() => { look(); }, [path]);
  const submit = (event) => {
    event.preventDefault();
    const ask = { ...valuesOf(event.target), verdict: event.submitter.value };
    run(async () => decided((await api.post(path, ask)).verdict));
  };
  return html`<div class="panel inside">
    ${shown && html`<${Facts} facts=${shown.facts} find=${find} />`}
    ${shown && line.kind === "merchant_application" && html`<${Application} api=${api} me=${me} id=${shown.facts[0].value}
      looked=${() => { look(); again(); }} gone=${() => over(t("op_application_back"))} />`}
    ${line.own || !me.duties.includes(line.duty)
      ? html`<p class="notice">${t("op_other_decides")}</p>`
      : html`<form onSubmit=${submit}>
          <${Reason} />
          <div class="doors">
            <button class="first" name="verdict" value="approve" disabled=${busy}>${t("op_approve")}</button>
            <button class="second danger" name="verdict" value="reject" disabled=${busy}>${t("op_reject")}</button>
          </div>
        </form>`}
    <${Trouble} reason=${trouble} />
  </div>`;
}
