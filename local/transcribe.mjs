import { listen } from './listen.mjs';
export async function startTranscribe(shared) {
    const l = await listen({ tls: shared.tls, onRequest: (q, r) => { r.writeHead(503); r.end(); } });
    return { ...l, health: () => ({}) };
}
