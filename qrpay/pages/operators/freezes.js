// What is frozen, why and until when; and to propose a freeze, or that one be lifted.
import { t } from "../lib/lang.js";
import { html, Title, Trouble, useState } from "../lib/view.js";
import { useWork, valuesOf } from "./gate.js";
import { Link, Reason, useList, when } from "./pieces.js";

export function Freezes({ api, me, find }) {
  const [lines, again, trouble] = useList(api, "/v1/operators/freezes");
  const [said, setSaid] = useState("");
  const [lifting, setLifting] = useState(null);
  const proposed = () => { setLifting(null); setSaid(t("op_proposed")); again(); };
  const may = me.duties.includes("propose");
  return html`<section class="panel">
    <${Title}>${t("op_tab_freezes")}<//>
    <p class="news" role="status">${said}</p>
    <${Trouble} reason=${trouble} again=${again} />
    ${may && html`<${Freeze} api=${api} proposed=${proposed} />`}
    ${lines?.length === 0 && html`<p class="card">${t("op_freezes_none")}</p>`}
    <ul class="rows">${(lines ?? []).map((line) => html`<li key=${line.id} data-freeze=${line.subject}>
      <div class="row"><span><${Link} id=${line.subject} find=${find} /><span>${line.reason}</span>
        <span class="fine">${line.maker}, ${line.checker} · ${when(line.frozen_at)} · ${line.until ? t("op_until", { time: when(line.until) }) : t("op_until_lifted")}</span></span>
        ${may && html`<button type="button" class="second" onClick=${() => setLifting(lifting === line.id ? null : line.id)}>${t("op_lift")}</button>`}</div>
      ${lifting === line.id && html`<${Ask} path=${`/v1/operators/freezes/${line.id}/lift`} api=${api} proposed=${proposed} />`}
    </li>`)}</ul>
  </section>`;
}

function Ask({ api, path, proposed, asked = (values) => values, children }) {
  const [run, busy, trouble] = useWork();
  const submit = (event) => {
    event.preventDefault();
    const form = event.target;
    run(async () => { await api.post(path, asked(valuesOf(form))); form.reset(); proposed(); });
  };
  return html`<form class="inside" onSubmit=${submit}>${children}<${Reason} />
    <button class="first" disabled=${busy}>${t("op_propose")}</button><${Trouble} reason=${trouble} /></form>`;
}

function Freeze({ api, proposed }) {
  const asked = ({ subject, reason, until }) => ({ subject, reason, ...(until && { until: new Date(until).toISOString() }) });
  return html`<details class="card copyable"><summary>${t("op_freeze_title")}</summary>
    <${Ask} api=${api} path="/v1/operators/freezes" proposed=${proposed} asked=${asked}>
      <label class="field"><span>${t("op_freeze_subject")}</span>
        <input name="subject" required pattern="(mer|ter)_[0-9A-Za-z]{26}" autocomplete="off" spellcheck="false" /></label>
      <label class="field"><span>${t("op_freeze_until")}</span><input name="until" type="datetime-local" /></label>
    <//></details>`;
}
