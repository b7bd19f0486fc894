// An application to become a merchant, beside its decision: its papers, and what somebody says who looked at them.
import { t } from "../lib/lang.js";
import { html, Trouble, useEffect, useState } from "../lib/view.js";
import { useWork, valuesOf } from "./gate.js";
import { Reason } from "./pieces.js";

/** `looked` is told when somebody looked; `gone` when the application went back to its applicant. */
export function Application({ api, me, id, looked, gone }) {
  const path = `/v1/operators/merchant-applications/${id}`;
  const [seen, setSeen] = useState(null);
  const [run, busy, trouble] = useWork();
  useEffect(() => { run(async () => setSeen(await api.get(path))); }, [path]);
  const say = (event) => {
    event.preventDefault();
    const form = event.target, what = event.submitter.value;
    run(async () => {
      setSeen(await api.post(`${path}/${what}`, valuesOf(form)));
      form.reset();
      (what === "ask" ? gone : looked)();
    });
  };
  return html`<section class="panel">
    ${seen?.application.papers.map((paper) => html`<a class="as-button second" key=${paper.id} href=${`${path}/papers/${paper.id}`} download>
      ${t(`paper_${paper.kind}`)}</a>`)}
    ${seen && !seen.checked_by && me.duties.includes("propose") && html`<form onSubmit=${say} class="card">
      <p class="fine">${t("op_application_hint")}</p>
      <${Reason} />
      <div class="doors">
        <button class="second" value="check" disabled=${busy}>${t("op_application_looked")}</button>
        <button class="second" value="ask" disabled=${busy}>${t("op_application_ask")}</button>
      </div></form>`}
    <${Trouble} reason=${trouble} />
  </section>`;
}
