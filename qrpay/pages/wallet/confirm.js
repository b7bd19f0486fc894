// A shop scanned my code and the rules want my word: a sheet with the amount, the payee and the PIN.
import { t } from "../lib/lang.js";
import { html, nameOf, Sheet, Sum, Trouble, useEffect, useRef, useState } from "../lib/view.js";
import { PinField } from "./pay.js";

export function Confirm({ api, ask, paid, close }) {
  const [trouble, setTrouble] = useState(null);
  const [busy, setBusy] = useState(false);
  const pin = useRef(null);
  useEffect(() => pin.current?.focus(), []);
  async function pay(event) {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setTrouble(null);
    try {
      paid(await api.post("/v1/payments", { order: ask.order, pin: pin.current.value }));
    } catch (reason) {
      setBusy(false);
      setTrouble(reason);
      pin.current.value = "";
      pin.current.focus();
    }
  }
  return html`<${Sheet} label=${t("confirm_title")} close=${close}>
    <form class="pay" onSubmit=${pay}>
      <h2>${t("confirm_title")}</h2>
      <p class="payee"><span>${nameOf(ask.payee)}</span></p>
      <${Sum} amount=${ask.amount} currency=${ask.currency} />
      <${PinField} input=${pin} />
      <${Trouble} reason=${trouble} />
      <button class="first wide" disabled=${busy}>${busy ? t("paying") : t("confirm_pay")}</button>
      <button type="button" class="second wide" onClick=${close}>${t("not_now")}</button>
    </form>
  <//>`;
}
