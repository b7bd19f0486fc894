// The log of what operators did: nobody can change a line of it.
import { t } from "../lib/lang.js";
import { html, Title, Trouble, useEffect, useState } from "../lib/view.js";
import { useWork } from "./gate.js";
import { Link, when } from "./pieces.js";

export function Log({ api, find }) {
  const [lines, setLines] = useState([]);
  const [next, setNext] = useState(null);
  const [run, busy, trouble] = useWork();
  const more = (cursor) => run(async () => {
    const page = await api.get(`/v1/operators/acts?limit=30${cursor ? `&cursor=${cursor}` : ""}`);
    setLines((known) => (cursor ? [...known, ...page.data] : page.data));
    setNext(page.next_cursor);
  });
  useEffect(() => { more(null); }, []);
  return html`<section class="panel">
    <${Title}>${t("op_tab_log")}<//>
    <${Trouble} reason=${trouble} />
    ${!busy && !trouble && lines.length === 0 && html`<p class="card">${t("op_log_empty")}</p>`}
    <ol class="timeline card">${lines.map((line) => html`<li key=${line.seq} data-act=${line.act}>
      <span class="when">${line.seq} · ${when(line.at)}</span>
      <strong>${line.act.replaceAll("_", " ")}</strong>
      <span>${line.name} (${line.role})</span>
      <span class=${line.outcome === "done" ? "fine" : "danger"}>${line.outcome ?? t("op_outcome_unknown")}</span>
      ${line.reason && html`<q>${line.reason}</q>`}
      ${line.about.filter((id) => !id.startsWith("ses_")).slice(0, 3).map((id) => html`<${Link} key=${id} id=${id} find=${find} />`)}
    </li>`)}</ol>
    ${next && html`<button type="button" class="second" disabled=${busy} onClick=${() => more(next)}>${t("more")}</button>`}
  </section>`;
}
