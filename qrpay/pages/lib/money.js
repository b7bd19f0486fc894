// Money is an integer of minor units everywhere; only what people read has decimals, made from digits, never by division.

/** How many decimals a currency has (ISO 4217): 2 for CNY, 0 for JPY, 3 for KWD. */
export function exponentOf(currency) {
  try {
    return new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits;
  } catch {
    return 2;
  }
}

/** 1250 with two decimals is "12.50". */
export function decimalText(amount, exponent) {
  const sign = amount < 0 ? "-" : "";
  const digits = String(Math.abs(amount)).padStart(exponent + 1, "0");
  return exponent === 0 ? sign + digits : `${sign}${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`;
}

/** "12.5" as minor units; null unless it is a positive amount this currency can carry (at most 12 digits). */
export function parseAmount(text, currency) {
  const exponent = exponentOf(currency);
  const match = /^(\d{0,12})(?:\.(\d*))?$/.exec(text.trim().replace("。", ".").replace(",", "."));
  if (!match || (match[2] ?? "").length > exponent) return null;
  const digits = match[1] + (match[2] ?? "").padEnd(exponent, "0");
  const amount = Number(digits);
  return digits.length <= 12 && amount > 0 ? amount : null;
}

/** An amount as people write it, such as ¥12.50. `display` as in Intl: symbol, narrowSymbol, name, code. */
export function money(amount, currency, language, display = "narrowSymbol") {
  const exponent = exponentOf(currency);
  const format = new Intl.NumberFormat(language === "zh" ? "zh-CN" : "en", {
    style: "currency",
    currency,
    currencyDisplay: display,
    minimumFractionDigits: exponent,
    maximumFractionDigits: exponent,
  });
  // A decimal string is formatted exactly; a float of it would not be, from 2^53 up.
  return format.format(decimalText(amount, exponent));
}

/** The sign alone, such as ¥, to stand before a number that is still being typed. */
export function symbolOf(currency, language) {
  const parts = new Intl.NumberFormat(language === "zh" ? "zh-CN" : "en", {
    style: "currency",
    currency,
    currencyDisplay: "narrowSymbol",
  }).formatToParts(0);
  return parts.find((part) => part.type === "currency")?.value ?? currency;
}

const NUMERIC = {
  156: "CNY", 344: "HKD", 446: "MOP", 901: "TWD", 392: "JPY", 410: "KRW", 704: "VND", 840: "USD", 978: "EUR", 826: "GBP",
  702: "SGD", 764: "THB", 360: "IDR", 458: "MYR", 356: "INR", 986: "BRL", 414: "KWD", "048": "BHD", 512: "OMR", 400: "JOD",
};

/** The letters of a currency known by its ISO 4217 number, as EMV object 53 gives it. */
export function currencyOfNumber(number) {
  return NUMERIC[number] ?? null;
}

/** "12.5" in EMV object 54 as minor units of the currency. */
export function amountOfEmv(text, currency) {
  return text ? parseAmount(text.replace(/\.$/, ""), currency) : null;
}
