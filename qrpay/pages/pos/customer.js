// The customer shows a code, the till reads it and reports it; paid at once, or after a word on the customer's phone.
import { follow } from "../lib/api.js";
import { t } from "../lib/lang.js";
import { ScanPanel } from "../lib/scanner.js";
import { html, Sum, Title, Trouble, useEffect, useRef, useState, wordsOf } from "../lib/view.js";

export function Customer({ api, till, sale, text, found, paid, keypad, giveUp }) {
  const [state, setState] = useState(text ? "reporting" : "scanning");
  const [trouble, setTrouble] = useState(null);
  const [lost, setLost] = useState(null);
  const ending = useRef(new AbortController());
  useEffect(() => { if (text) report(); return () => ending.current.abort(); }, []);

  async function report() {
    setState("reporting");
    setTrouble(null);
    try {
      // Whatever else is still open at this till, a code on screen or an earlier scan, could be paid as well: it is closed first.
      const earlier = till.sale;
      if (earlier && earlier.reference !== sale.reference) {
        const now = await till.close(earlier.reference);
        if (now.status === "paid") return paid({ ...now, beforeClose: true });
      }
      const order = await till.report(sale, text);
      if (ending.current.signal.aborted) return undefined;
      if (order.status === "paid") return paid(order);
      setState("waiting");
      return await follow(api, `/v1/orders/${order.id}`, {
        settled: (now) => now.status !== "open",
        seen: (now) => (now.status === "paid" ? paid(now) : now.status !== "open" && setState(now.status)),
        trouble: setLost,
        signal: ending.current.signal,
      });
    } catch (reason) {
      // A refused scan has spent that code: its reference is closed for good, and the next scan brings a fresh one.
      if (!reason.unknown) till.closeLater(sale.reference);
      setState("scanning");
      return setTrouble(reason);
    }
  }

  async function cancel() {
    const open = till.sale?.reference;
    if (!open) return keypad();
    try {
      const now = await till.close(open);
      return now.status === "paid" ? paid({ ...now, beforeClose: true }) : keypad();
    } catch (reason) {
      return reason.unknown ? giveUp(open) : setTrouble(reason);
    }
  }

  const over = ["closed", "expired"].includes(state);
  return html`<section class="code-screen" data-state=${state}>
    <${Title}>${t("scan_customer")}<//>
    <${Sum} amount=${sale.amount} currency=${sale.currency} />
    ${state === "waiting" && html`<p class="notice wait" role="status">${t("waiting_for_phone")}</p>`}
    ${state === "reporting" && html`<p class="notice wait" role="status">${t("charging")}</p>`}
    ${over && html`<p class="notice" role="status">${t(`order_${state}_detail`)}</p>`}
    ${lost && html`<p class="notice" role="status">${wordsOf(lost)[0]} ${t("still_watching")}</p>`}
    <${Trouble} reason=${trouble} again=${trouble?.unknown ? report : null} />
    ${trouble?.unknown && html`<p class="notice">${t("repeat_is_safe")}</p>`}
    ${state === "scanning" && !trouble?.unknown && html`<${ScanPanel} found=${found} hint=${t("customer_hint")} />`}
    <button type="button" class="second wide" onClick=${over ? keypad : cancel}>${over ? t("back_to_keypad") : t("cancel_sale")}</button>
  </section>`;
}
