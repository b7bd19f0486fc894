// Makes this device able to open the till without a network: a worker that keeps the files, and the files in its cache.
const SHELF = "qrpay-till";
const LATER = ["/pos", "/assets/vendor/zxing-wasm/reader/zxing_reader.wasm"];

/** Keep what this page was made of, and what it may still want. Quiet where the browser has no such thing. */
export async function keepShell() {
  try {
    await navigator.serviceWorker.register("/pos-worker.js", { scope: "/pos" });
    const shelf = await caches.open(SHELF);
    const used = performance.getEntriesByType("resource").map((entry) => new URL(entry.name));
    const ours = used.filter((url) => url.origin === location.origin && url.pathname.startsWith("/assets/")).map((url) => url.pathname);
    await Promise.all([...new Set([...LATER, ...ours])].map(async (path) => (await shelf.match(path)) ?? shelf.add(path)));
    return true;
  } catch {
    return false;
  }
}
