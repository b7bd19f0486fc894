// The first screen: what there is to spend, and the two ways to pay.
import { language, t } from "../lib/lang.js";
import { money } from "../lib/money.js";
import { html, Icon, Sum, Title, Trouble } from "../lib/view.js";
import { History } from "./history.js";

export function Home({ api, accounts, reload, go, leave }) {
  const first = accounts.data?.[0];
  const spoiled = accounts.trouble?.status === 401;
  return html`
    <section class="card balance" aria-busy=${!accounts.data}>
      <${Title} className="fine">${t("balance")}<//>
      ${first ? html`<${Sum} amount=${first.balance.available} currency=${first.currency} data-balance=${first.balance.available} />` : html`<p class="amount">—</p>`}
      ${first?.balance.pending > 0 && html`<p class="fine">${t("pending", { amount: money(first.balance.pending, first.currency, language()) })}</p>`}
      ${first && html`<p class="fine id">${t("account")} ···${first.id.slice(-6)}</p>`}
    </section>
    <${Trouble} reason=${accounts.trouble} again=${spoiled ? null : reload} />
    ${spoiled && html`<button type="button" class="second wide" onClick=${leave}>${t("other_token")}</button>`}
    ${accounts.data?.slice(1).map((other) => html`<section class="card row" key=${other.id}>
      <span>${t("account")} ···${other.id.slice(-6)}</span><strong>${money(other.balance.available, other.currency, language())}</strong></section>`)}
    <nav class="doors" aria-label=${t("what_to_do")}>
      <button type="button" class="door first" onClick=${() => go({ name: "scan" })}><${Icon} name="scan" />${t("scan")}</button>
      <button type="button" class="door second" onClick=${() => go({ name: "mycode" })}><${Icon} name="code" />${t("my_code")}</button>
    </nav>
    <${History} key=${first?.balance.available} api=${api} limit=${3} bare />
    <button type="button" class="second wide" onClick=${() => go({ name: "history" })}><${Icon} name="list" />${t("all_history")}</button>
    <p class="foot"><button type="button" class="quiet" onClick=${leave}>${t("leave")}</button></p>`;
}
