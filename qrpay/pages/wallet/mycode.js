// My payment code: shown to a shop's scanner, renewed before it ends, taken off the screen whenever nobody looks.
import { language, t } from "../lib/lang.js";
import { Bars, QrCode } from "../lib/draw.js";
import { html, Title, Trouble, useEffect, useSecondsLeft, useState } from "../lib/view.js";

export function MyCode({ api }) {
  const [code, setCode] = useState(null);
  const [trouble, setTrouble] = useState(null);
  const [hidden, setHidden] = useState(document.hidden);
  const left = useSecondsLeft(code?.refresh_at);
  const alive = useSecondsLeft(code?.expires_at) > 0;

  useEffect(() => {
    // A code that left the screen, into a screenshot or another app, is not shown again: the next look gets a new one.
    const look = () => { setHidden(document.hidden); setCode(null); };
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, []);

  useEffect(() => {
    if (hidden) return undefined;
    const ending = new AbortController();
    let timer = 0;
    const renew = async () => {
      try {
        const fresh = await api.post("/v1/payment-codes", undefined, { signal: ending.signal });
        setCode(fresh);
        setTrouble(null);
        timer = setTimeout(renew, Math.max(5000, new Date(fresh.refresh_at) - Date.now()));
      } catch (reason) {
        if (ending.signal.aborted) return;
        setTrouble(reason);
        if (reason.unknown || reason.status === 429) timer = setTimeout(renew, 5000);
      }
    };
    renew();
    return () => { ending.abort(); clearTimeout(timer); };
  }, [hidden]);

  const shown = code && alive && !hidden;
  const groups = code?.digits.replace(/(\d{4})(?=\d)/g, "$1 ");
  return html`<${Title}>${t("my_code")}<//>
    <section class="card my-code" aria-busy=${!shown}>
      ${shown ? html`
        <${Bars} digits=${code.digits} label=${t("bars_label")} />
        <p class="digits" data-digits=${code.digits} lang=${language()}>${groups}</p>
        <${QrCode} text=${code.payload} label=${t("my_qr_label")} />
        <p class="fine">${t("renewed_in", { seconds: left })}</p>`
        : html`<p class="fine" role="status">${trouble ? "" : t("code_loading")}</p>`}
    </section>
    <${Trouble} reason=${trouble} />
    <p class="notice">${t("my_code_hint")}</p>`;
}
