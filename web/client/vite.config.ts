/** Builds the console into web/client/dist; `index.html` and hashed assets, nothing from outside. */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: at('.'),
  base: '/',
  resolve: {
    alias: { '#web-api': at('../api/index.ts'), '#contract': at('../../broker/contract/index.ts') },
  },
  build: {
    outDir: at('dist'),
    emptyOutDir: true,
    target: 'es2022',
    // The preload polyfill is an inline script's cousin that no browser with URLPattern needs.
    modulePreload: { polyfill: false },
    // A data: font would need `font-src data:`, which the CSP refuses.
    assetsInlineLimit: 0,
  },
  server: { proxy: { '/api': 'http://127.0.0.1:8080', '/downloads': 'http://127.0.0.1:8080' } },
});
