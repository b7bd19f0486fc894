// The code, full screen, until it is paid, closed or over. What happens to it is the ledger's word, never a guess.
import { follow } from "../lib/api.js";
import { QrCode } from "../lib/draw.js";
import { language, t } from "../lib/lang.js";
import { money } from "../lib/money.js";
import { html, minutes, Sum, Title, Trouble, useEffect, useRef, useSecondsLeft, useState, wordsOf } from "../lib/view.js";

export function OrderCode({ api, till, sale, offline, signed, paid, keypad, giveUp }) {
  const [order, setOrder] = useState(null);
  const [trouble, setTrouble] = useState(null);
  const [lost, setLost] = useState(null);
  const [closing, setClosing] = useState(false);
  const ending = useRef(new AbortController());
  const left = useSecondsLeft(order?.expires_at);

  useEffect(() => { open(); return () => ending.current.abort(); }, []);

  async function open() {
    setTrouble(null);
    try {
      const made = await till.open(sale, offline.can(sale));
      if (ending.current.signal.aborted) return;
      setOrder(made);
      await watch(made);
    } catch (reason) {
      if (ending.current.signal.aborted) return;
      // Nobody has seen a code of that order, if it was made at all: it is closed when the line is back.
      if (reason.unknown && offline.can(sale)) {
        till.closeLater(sale.reference);
        signed();
      } else setTrouble(reason);
    }
  }

  function watch(made) {
    return follow(api, `/v1/orders/${made.id}`, {
      settled: (now) => now.status !== "open",
      seen: (now) => (now.status === "paid" ? paid(now) : setOrder(now)),
      trouble: setLost,
      signal: ending.current.signal,
    });
  }

  // The answer to a close is final: closed for good, or paid a moment before.
  async function cancel() {
    setClosing(true);
    setTrouble(null);
    try {
      const now = await till.close(sale.reference);
      if (now.status === "paid") return paid({ ...now, beforeClose: true });
      return keypad();
    } catch (reason) {
      setClosing(false);
      return setTrouble(reason);
    }
  }

  const amount = money(sale.amount, sale.currency, language());
  if (!order) {
    return html`<section class="code-screen">
      <${Title} className="fine">${t("making_order")}<//><${Sum} amount=${sale.amount} currency=${sale.currency} />
      <${Trouble} reason=${trouble} />
      ${trouble && html`<p class="notice">${trouble.unknown ? t("order_unknown") : t("order_refused")}</p>
        ${trouble.unknown && html`<button type="button" class="first wide" onClick=${open}>${t("ask_again")}</button>`}
        <button type="button" class="second wide" onClick=${() => giveUp(sale.reference)}>${t("give_up_sale")}</button>`}
    </section>`;
  }
  const over = order.status !== "open";
  return html`<section class="code-screen" data-order=${order.id} data-status=${order.status}>
    <${Title} className="fine">${over ? t(`order_${order.status}`) : t("scan_to_pay")}<//>
    <${Sum} amount=${sale.amount} currency=${sale.currency} />
    ${order.description && html`<p>${order.description}</p>`}
    ${over
      ? html`<p class="notice" role="status">${t(`order_${order.status}_detail`)}</p>`
      : html`<${QrCode} text=${order.code.payload} label=${t("order_qr_label", { amount })} className="big" />
        <p class="fine" role="timer">${t("valid_for", { time: minutes(left) })}</p>`}
    ${lost && html`<p class="notice" role="status">${wordsOf(lost)[0]} ${t("still_watching")}</p>`}
    <${Trouble} reason=${trouble} />
    ${over
      ? html`<button type="button" class="first wide" onClick=${keypad}>${t("back_to_keypad")}</button>`
      : html`<button type="button" class="second wide" disabled=${closing} onClick=${cancel}>${closing ? t("closing") : t("cancel_sale")}</button>`}
  </section>`;
}
