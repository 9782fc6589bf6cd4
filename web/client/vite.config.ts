/** Builds the console into web/client/dist: `index.html` and hashed assets, nothing from outside. */
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The page that people open first comes along with the shell, not after it. */
function preloadFirstPage(name: string): Plugin {
  return {
    name: 'preload-first-page',
    transformIndexHtml: {
      order: 'post',
      handler: (_html, { bundle }) =>
        Object.values(bundle ?? {})
          .filter((file) => file.type === 'chunk' && file.name === name)
          .map((file) => ({
            tag: 'link',
            attrs: { rel: 'modulepreload', crossorigin: true, href: `/${file.fileName}` },
            injectTo: 'head',
          })),
    },
  };
}

export default defineConfig({
  root: at('.'),
  base: '/',
  plugins: [preloadFirstPage('devices')],
  resolve: {
    alias: [
      { find: '#web-api', replacement: at('../api/index.ts') },
      { find: '#contract', replacement: at('../../broker/contract/index.ts') },
      { find: /^typebox(\/compile)?$/, replacement: at('data/without-schemas.ts') },
    ],
  },
  build: {
    outDir: at('dist'),
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: { polyfill: false },
    // A data: font would need `font-src data:`, which the CSP refuses.
    assetsInlineLimit: 0,
    rolldownOptions: {
      output: {
        codeSplitting: {
          // Few files: each small one would cost a request of its own before the first picture.
          includeDependenciesRecursively: false,
          groups: [
            {
              name: 'lit',
              test: /[\\/]node_modules[\\/](?:lit|lit-html|lit-element|@lit)[\\/]/,
              priority: 2,
            },
            {
              name: 'webawesome',
              test: /[\\/]node_modules[\\/](?:@awesome\.me|@floating-ui|@shoelace-style|@ctrl|composed-offset-position)[\\/]/,
            },
            {
              name: 'chart.js',
              test: /[\\/]node_modules[\\/](?:chart\.js|@kurkle)[\\/]/,
            },
            // Names and paths of both contracts; apart from what imports them, so that no two files wait for each other.
            {
              name: 'contract',
              test: /[\\/]web[\\/]api[\\/]|[\\/]broker[\\/]contract[\\/]|[\\/]without-schemas\.ts$/,
              priority: 2,
            },
            {
              name: 'parts',
              test: /[\\/](?:components|format|state|data)[\\/](?!webawesome|icon-library|qr-code)[\w-]+\.ts$|[\\/]pages[\\/](?:console-page|account-dialogs|device-actions|device-handover|device-table|token-creation|token-form)\.ts$/,
            },
          ],
        },
      },
    },
  },
  server: { proxy: { '/api': 'http://127.0.0.1:8080', '/downloads': 'http://127.0.0.1:8080' } },
});
