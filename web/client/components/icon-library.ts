/** Our own icons for the component library; registered before any of its elements exist, since its default is a CDN. */
import { registerIconLibrary } from '@awesome.me/webawesome/dist/components/icon/library.js';
import { ICONS, type IconName, iconMarkup } from './icons.ts';

/** What the library calls its icons, in our names. */
const SYSTEM_NAMES: Readonly<Record<string, IconName>> = {
  xmark: 'cross',
  check: 'check',
  'chevron-right': 'chevron-right',
  'chevron-left': 'arrow-left',
  'chevron-down': 'chevron-down',
};

const isIcon = (name: string): name is IconName => Object.hasOwn(ICONS, name);
const resolver = (name: string): string =>
  `data:image/svg+xml,${encodeURIComponent(iconMarkup(SYSTEM_NAMES[name] ?? (isIcon(name) ? name : 'info')))}`;

export function registerIcons(): void {
  registerIconLibrary('default', { resolver });
  registerIconLibrary('system', { resolver });
}

const OWN_ICON = /^<svg( [a-zA-Z-]+="[^"<>]*")*>(<path d="[A-Za-z0-9 .,-]*"(><\/path>|\/>))*<\/svg>$/;

/**
 * Under `require-trusted-types-for 'script'` the library's icon element needs a default policy, since it parses
 * fetched text. Only pictures made of paths pass; everything else throws.
 */
export function installTrustedTypes(window: Window): void {
  const factory: unknown = Reflect.get(window, 'trustedTypes');
  if (typeof factory !== 'object' || factory === null) return;
  const createPolicy: unknown = Reflect.get(factory, 'createPolicy');
  if (typeof createPolicy !== 'function') return;
  createPolicy.call(factory, 'default', {
    createHTML(markup: string) {
      if (!OWN_ICON.test(markup)) throw new TypeError('only own icons may become markup');
      return markup;
    },
  });
}
