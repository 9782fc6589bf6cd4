/** Follows and changes the browser's address. */
import { type Location, locate } from './addresses.ts';
import { createStore, type Readable } from './store.ts';

export interface Router extends Readable<Location> {
  go(address: string, options?: { replace?: boolean }): void;
  start(): void;
}

export function createRouter(window: Window): Router {
  const read = () => locate(window.location.pathname, window.location.search);
  const location = createStore<Location>(read());

  function go(address: string, options: { replace?: boolean } = {}) {
    const target = new URL(address, window.location.href);
    if (target.href === window.location.href) return;
    if (options.replace) window.history.replaceState(null, '', target);
    else window.history.pushState(null, '', target);
    location.set(locate(target.pathname, target.search));
  }

  /** Plain clicks on own links stay in the page; new tabs, downloads and API links are the browser's. */
  function follow(event: MouseEvent) {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.composedPath().find((node) => node instanceof HTMLAnchorElement);
    if (link === undefined || link.target !== '' || link.hasAttribute('download')) return;
    const target = new URL(link.href, window.location.href);
    if (target.origin !== window.location.origin) return;
    if (target.hash !== '' && target.pathname === window.location.pathname) return;
    if (locate(target.pathname, '').page === 'not-found') return;
    event.preventDefault();
    go(target.pathname + target.search);
    window.scrollTo(0, 0);
  }

  return {
    ...location,
    go,
    start() {
      window.document.addEventListener('click', follow);
      window.addEventListener('popstate', () => location.set(read()));
    },
  };
}
