// A code that this till signed itself, while the line is down. The customer's phone pays it and shows a receipt, which is
// checked here; or the line comes back and the bank says it.
import { pause } from "../lib/api.js";
import { verifyReceipt } from "../lib/codes.js";
import { QrCode } from "../lib/draw.js";
import { language, t } from "../lib/lang.js";
import { money } from "../lib/money.js";
import { ScanPanel } from "../lib/scanner.js";
import { html, Icon, minutes, Sum, Title, Trouble, useEffect, useRef, useSecondsLeft, useState } from "../lib/view.js";

const ASK_EVERY_MS = 3000;

export function OfflineCode({ offline, till, keys, sale, text, seen, found, paid, keypad }) {
  const [made, setMade] = useState(() => (sale.offline ? offline.find(sale.offline) : null));
  const [scanning, setScanning] = useState(false);
  const [verdict, setVerdict] = useState(null);
  const [trouble, setTrouble] = useState(null);
  const ending = useRef(new AbortController());
  const left = useSecondsLeft(made?.expires_at);
  useEffect(() => { begin().catch(setTrouble); return () => ending.current.abort(); }, []);
  useEffect(() => { if (text && made) look(text); }, [seen, made === null]);

  async function begin() {
    const own = made ?? (await offline.sell(sale));
    till.sale = { ...sale, offline: own.order };
    setMade(own);
    for (const { signal } = ending.current; !signal.aborted; await pause(ASK_EVERY_MS, signal)) {
      const now = offline.find(own.order);
      if (now.status === "paid") return paid(now.answer);
      if (now.status !== "open") return setMade(now);
      await offline.adopt().catch(() => {});
    }
    return undefined;
  }

  // Genuine is not enough: it must be the receipt of this very sale, to the last fen.
  async function look(receipt) {
    const { verdict: said, claims } = await verifyReceipt(receipt, keys);
    if (said !== "holds") return setVerdict(said);
    if (till.merchant !== null && claims.sub !== till.merchant) return setVerdict("foreign");
    if (claims.order !== made.order || claims.amount !== made.amount || claims.currency !== made.currency) return setVerdict("other_sale");
    till.accept(claims.order);
    await offline.paid(made.order, receipt);
    return paid({
      id: made.order, status: "paid", reference: claims.reference, amount: made.amount, currency: made.currency, description: made.description,
      metadata: made.metadata, refunded_amount: 0, payment: { payer: claims.payer, paid_at: claims.paid_at }, offline: true, receipt,
    });
  }

  if (!made) return html`<section class="code-screen"><${Title} className="fine">${t("making_order")}<//><${Trouble} reason=${trouble} /></section>`;
  const over = left === 0 || made.status !== "open";
  const amount = money(sale.amount, sale.currency, language());
  return html`<section class="code-screen" data-offline=${made.order} data-status=${made.status}>
    <p class="badge"><${Icon} name="away" />${t("offline_badge")}</p>
    <${Title} className="fine">${over ? t("order_expired") : t("scan_to_pay")}<//>
    <${Sum} amount=${sale.amount} currency=${sale.currency} />
    ${sale.description && html`<p>${sale.description}</p>`}
    ${over
      ? html`<p class="notice" role="status">${t("offline_over")}</p>`
      : !scanning && html`<${QrCode} text=${made.code} label=${t("order_qr_label", { amount })} className="big" />
        <p class="fine" role="timer">${t("valid_for", { time: minutes(left) })}</p>`}
    ${verdict && html`<p class="notice bad" role="alert" data-verdict=${verdict}>${t(`receipt_${verdict}`)}</p>`}
    <p class="fine">${t("offline_hint")}</p>
    ${scanning
      ? html`<${ScanPanel} found=${found} hint=${t("receipt_paste")} /><button type="button" class="second wide" onClick=${() => setScanning(false)}>${t("show_code")}</button>`
      : html`<button type="button" class="first wide" onClick=${() => setScanning(true)}><${Icon} name="scan" />${t("scan_receipt")}</button>`}
    <button type="button" class="second wide" onClick=${keypad}>${t("give_up_sale")}</button>
  </section>`;
}
