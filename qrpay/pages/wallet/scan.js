// Reading a code: by camera, from a picture, or pasted.
import { t } from "../lib/lang.js";
import { ScanPanel } from "../lib/scanner.js";
import { html, Title } from "../lib/view.js";

export function Scan({ found }) {
  return html`<${Title}>${t("scan_title")}<//><${ScanPanel} found=${found} />`;
}
