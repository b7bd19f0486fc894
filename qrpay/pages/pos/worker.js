// Keeps the till's own files, so that it opens without a network. Money never passes through here: /v1 is left alone.
const SHELF = "qrpay-till";
const SLOW_MS = 3000;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const { origin, pathname } = new URL(event.request.url);
  if (event.request.method !== "GET" || origin !== location.origin) return;
  if (pathname === "/pos" || pathname.startsWith("/assets/")) event.respondWith(answer(event.request, pathname));
});

// The server's file where it comes in time, the kept one otherwise: a line that hangs is as bad as one that is cut.
async function answer(request, path) {
  const shelf = await caches.open(SHELF);
  const kept = await shelf.match(path);
  const asked = fetch(request).then(async (fresh) => {
    if (fresh.ok) await shelf.put(path, fresh.clone());
    return fresh.ok || !kept ? fresh : kept;
  });
  if (!kept) return asked;
  const patience = new Promise((done) => setTimeout(() => done(kept), SLOW_MS));
  return Promise.race([asked.catch(() => kept), patience]);
}
