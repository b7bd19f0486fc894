// Anything by any id, with all that happened to it in one line of time.
import { t } from "../lib/lang.js";
import { html, Title, Trouble, useEffect, useState } from "../lib/view.js";
import { useWork, valuesOf } from "./gate.js";
import { called, Facts, Link, when } from "./pieces.js";

export function Search({ api, find, wanted }) {
  const [run, busy, trouble] = useWork();
  const [found, setFound] = useState(null);
  const look = (q) => run(async () => setFound(await api.get(`/v1/operators/search?q=${encodeURIComponent(q)}`)));
  useEffect(() => { if (wanted) look(wanted); }, [wanted]);
  const submit = (event) => {
    event.preventDefault();
    const { q } = valuesOf(event.target);
    if (q === wanted) look(q); else find(q);
  };
  return html`<section class="panel">
    <${Title}>${t("op_tab_search")}<//>
    <form onSubmit=${submit} role="search">
      <label class="field"><span>${t("op_search_label")}</span>
        <input name="q" key=${wanted} defaultValue=${wanted} required maxlength="128" autocomplete="off" spellcheck="false" autocapitalize="off" /></label>
      <button class="first" disabled=${busy}>${t("op_search_go")}</button>
    </form>
    <${Trouble} reason=${trouble} />
    <div aria-live="polite">${found && html`<${Found} found=${found} find=${find} />`}</div>
  </section>`;
}

function Found({ found, find }) {
  if (!found.id && found.others.length === 0) return html`<p class="notice">${t("op_found_nothing")}</p>`;
  if (!found.id) return html`<p>${t("op_several")}</p><div class="links">${found.others.map((id) => html`<${Link} key=${id} id=${id} find=${find} />`)}</div>`;
  return html`<article class="panel" data-found=${found.id}>
    <div class="two">
      <div class="card panel"><h2>${called(found)}</h2><p class="id">${found.id}</p><${Facts} facts=${found.facts} find=${find} />
        ${found.related.length > 0 && html`<h3 class="fine">${t("op_related")}</h3>
          <div class="links">${found.related.map((id) => html`<${Link} key=${id} id=${id} find=${find} />`)}</div>`}
      </div>
      ${found.timeline.length > 0 && html`<div class="card panel"><h2>${t("op_timeline")}</h2>
        <ol class="timeline">${found.timeline.map((moment) => html`<li data-source=${moment.source}>
          <span class="when">${when(moment.at)}</span><strong>${called(moment)}</strong>${moment.detail && html`<span>${moment.detail}</span>`}
        </li>`)}</ol></div>`}
    </div>
  </article>`;
}
