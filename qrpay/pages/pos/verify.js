// A receipt shown on a phone, checked here with the keys this till keeps: no network, no trust in the picture.
import { verifyReceipt } from "../lib/codes.js";
import { clock, language, t } from "../lib/lang.js";
import { money } from "../lib/money.js";
import { ScanPanel } from "../lib/scanner.js";
import { html, Icon, Sum, Title, useEffect, useState } from "../lib/view.js";

export function Verify({ keys, till, text, found }) {
  const [check, setCheck] = useState(null);
  useEffect(() => { if (text) look(); }, []);

  async function look() {
    const { verdict, claims } = await verifyReceipt(text, keys);
    const foreign = verdict === "holds" && till.merchant !== null && claims.sub !== till.merchant;
    // Only a receipt that is good and ours is noted, so that showing it a second time is noticed.
    const before = verdict === "holds" && !foreign ? till.accept(claims.order) : null;
    setCheck({ verdict: foreign ? "foreign" : verdict, claims, before });
  }

  return html`<${Title}>${t("verify_receipt")}<//>
    ${check && html`<${Outcome} check=${check} />`}
    <${ScanPanel} found=${found} hint=${t("receipt_paste")} />
    <p class="fine">${keys.empty ? t("no_keys_yet") : t("keys_from", { time: clock(keys.at, { date: true }) })}</p>`;
}

function Outcome({ check: { verdict, claims, before } }) {
  const good = verdict === "holds" && before === null;
  return html`<section class="card outcome ${good ? "good" : "bad"}" role="alert" data-verdict=${verdict} data-before=${String(before !== null)}>
    <p class="verdict ${good ? "good" : "bad"}"><${Icon} name=${good ? "shield" : "warn"} />
      ${verdict === "holds" && before !== null ? t("receipt_seen_before", { time: clock(before, { seconds: true }) }) : t(`receipt_${verdict}`)}</p>
    ${verdict === "holds" && html`
      <${Sum} amount=${claims.amount} currency=${claims.currency} />
      <dl>
        <dt>${t("paid_at")}</dt><dd>${clock(claims.paid_at, { date: true, seconds: true })}</dd>
        <dt>${t("order")}</dt><dd class="id">${claims.order}</dd>
        <dt>${t("reference")}</dt><dd class="id">${claims.reference}</dd>
        <dt>${t("payer")}</dt><dd>${claims.payer}</dd>
        ${claims.refunded_amount > 0 && html`<dt>${t("refunded")}</dt><dd>${money(claims.refunded_amount, claims.currency, language())}</dd>`}
      </dl>`}
  </section>`;
}
