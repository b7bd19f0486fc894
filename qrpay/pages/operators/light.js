// The money light: whether debits equal credits, with what stands on either side of each currency.
import { language, t } from "../lib/lang.js";
import { money } from "../lib/money.js";
import { html, Title, Trouble, useEffect, useState } from "../lib/view.js";
import { useWork } from "./gate.js";
import { Waiting, when } from "./pieces.js";

const EVERY_MS = 5_000;

export function Light({ api }) {
  const [light, setLight] = useState(null);
  const [run, , trouble] = useWork();
  useEffect(() => {
    const look = () => run(async () => setLight(await api.get("/v1/ledger/conservation")));
    look();
    const timer = setInterval(look, EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  const sum = (amount, line) => money(amount, line.currency.slice(0, 3), language());
  return html`<section class="panel">
    <${Title}>${t("op_tab_light")}<//>
    <${Trouble} reason=${trouble} />
    ${!light && !trouble && html`<${Waiting} />`}
    ${light && html`<div class="card panel" data-balanced=${light.balanced}>
      <p class="light ${light.balanced ? "" : "bad"}">${t(light.balanced ? "op_balanced" : "op_unbalanced")}</p>
      <p class="fine">${t("op_position", { position: light.position })} · ${when(light.at)}</p>
      <div class="wide-only"><table class="sums"><thead><tr><th scope="col">${t("currency")}</th><th scope="col">${t("op_debits")}</th>
        <th scope="col">${t("op_credits")}</th><th scope="col">${t("op_held")}</th></tr></thead>
        <tbody>${light.currencies.filter((line) => line.debits !== undefined).map((line) => html`<tr key=${line.currency} class=${line.balanced ? "" : "danger"}>
          <th scope="row">${line.currency}</th><td>${sum(line.debits, line)}</td><td>${sum(line.credits, line)}</td><td>${sum(line.debits_pending, line)}</td></tr>`)}</tbody></table></div>
    </div>`}
  </section>`;
}
