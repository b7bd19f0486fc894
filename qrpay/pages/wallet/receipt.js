// The signed receipt as a code: a shop checks it even when its own network is down.
import { t } from "../lib/lang.js";
import { QrCode } from "../lib/draw.js";
import { Copyable, html, Trouble, useEffect, useState } from "../lib/view.js";

export function Receipt({ api, order }) {
  const [receipt, setReceipt] = useState(null);
  const [trouble, setTrouble] = useState(null);
  useEffect(() => { load(); }, [order]);
  async function load() {
    setTrouble(null);
    try {
      setReceipt((await api.get(`/v1/receipts/${encodeURIComponent(order)}`)).trim());
    } catch (reason) {
      setTrouble(reason);
    }
  }
  if (trouble) return html`<${Trouble} reason=${trouble} again=${load} />`;
  if (!receipt) return html`<p class="fine" role="status">${t("receipt_loading")}</p>`;
  return html`<figure class="receipt">
    <${QrCode} text=${receipt} label=${t("receipt_qr_label")} />
    <figcaption class="fine">${t("receipt_hint")}</figcaption>
    <${Copyable} text=${receipt} label=${t("receipt_text")} />
  </figure>`;
}
