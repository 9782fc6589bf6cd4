/** The frame: decides between sign-in and pages, loads each page's code when it is first asked for. */
import { html, LitElement, nothing, type PropertyDeclarations } from 'lit';
import { icon } from './components/icons.ts';
import { emptyState, errorState } from './components/states.ts';
import { toasts } from './components/toasts.ts';
import './navigation.ts';
import { loadPage, PAGE_TITLES } from './page-loaders.ts';
import type { ConsolePage } from './pages/console-page.ts';
import { pageHead } from './pages/console-page.ts';
import { type Location, PAGES, pageKey, returnPath } from './state/addresses.ts';
import type { ConsoleContext } from './state/context.ts';
import { isForbidden } from './state/page-rights.ts';
import type { SessionState } from './state/session.ts';
import { Follow } from './state/store.ts';

export class ConsoleShell extends LitElement {
  static override properties: PropertyDeclarations = {
    context: { attribute: false },
    _page: { state: true },
    _isMenuOpen: { state: true },
    _hasFailedToLoad: { state: true },
  };
  declare context: ConsoleContext | undefined;
  declare _page: ConsolePage | null;
  declare _isMenuOpen: boolean;
  declare _hasFailedToLoad: boolean;
  #shownKey = '';
  #isFirstPage = true;
  #releases: (() => void)[] = [];

  constructor() {
    super();
    this._page = null;
    this._isMenuOpen = false;
    this._hasFailedToLoad = false;
  }

  protected override createRenderRoot() {
    return this;
  }

  override willUpdate(changed: Map<string, unknown>) {
    const context = this.context;
    if (!changed.has('context') || context === undefined) return;
    new Follow(this, () => [context.session, context.live.link, context.notices]);
    this.#releases = [
      context.router.subscribe((location) => this.#show(location)),
      context.session.subscribe((state) => this.#followSession(state)),
    ];
    this.#followSession(context.session.get());
    this.#show(context.router.get());
  }

  override disconnectedCallback() {
    super.disconnectedCallback();
    for (const release of this.#releases) release();
  }

  override render() {
    const context = this.context;
    if (context === undefined) return nothing;
    const session = context.session.get();
    const overlays = html`${toasts(context.notices.get(), (id) => context.notices.dismiss(id))}`;
    if (session.kind === 'failed') {
      return html`<main class="splash">${errorState(session.error, () => void context.session.refresh())}</main>`;
    }
    if (context.router.get().page === 'login') return html`${this._page ?? nothing}${overlays}`;
    if (session.kind === 'out') return nothing;
    return html`
      <a class="skip-link" href="#main" @click=${this._skip}>Skip to content</a>
      <div class="shell" @keydown=${this._closeMenuByKey}>
        <oc-navigation
          .context=${context}
          .isOpen=${this._isMenuOpen}
          @oc-close=${this._closeMenu}
        ></oc-navigation>
        <div class="main" ?inert=${this._isMenuOpen}>
          <header class="top-bar">
            <button type="button" class="icon-button" aria-label="Open the menu" aria-expanded=${this._isMenuOpen ? 'true' : 'false'} @click=${this._openMenu}>
              ${icon('menu')}
            </button>
            <a class="brand" href=${PAGES.devices}><img src="/icon.svg" alt="" width="28" height="28" /><span>Ops-Center <span>Edge</span></span></a>
          </header>
          ${this._offlineBanner(context)}
          <main id="main" class="page" tabindex="-1">
            ${this._content(context)}
          </main>
        </div>
      </div>
      ${overlays}`;
  }

  private _content(context: ConsoleContext) {
    const location = context.router.get();
    if (isForbidden(context.session.get(), location)) {
      return html`${pageHead({ title: PAGE_TITLES[location.page] })}
        <div class="card">${emptyState({ icon: 'ban', title: 'Not for your role', text: 'Your role does not allow this page. Ask an admin of your organisation.' })}</div>`;
    }
    return this._hasFailedToLoad ? this._loadFailure() : (this._page ?? nothing);
  }

  private _offlineBanner(context: ConsoleContext) {
    const isLost = context.live.link.get() === 'lost';
    return html`<div class="banner-slot" role="status">${
      isLost
        ? html`<div class="offline-banner">
            ${icon('unlink')}
            <span>Connection lost. What you see may be out of date; reconnecting…</span>
            <button type="button" class="button small" @click=${() => context.live.retry()}>Try now</button>
          </div>`
        : nothing
    }</div>`;
  }

  private _loadFailure() {
    return html`<div class="state" role="alert">
      <span class="state-icon tone-bad">${icon('unlink')}</span>
      <h2>This page could not be loaded</h2>
      <p>The server did not answer, or a newer version of the console is installed.</p>
      <button type="button" class="button" @click=${() => location.reload()}>${icon('refresh')}Reload</button>
    </div>`;
  }

  #followSession(state: SessionState) {
    const context = this.context;
    if (context === undefined) return;
    const { page, path, search } = context.router.get();
    if (state.kind === 'out') {
      context.live.stop();
      const next = `${path}${search.size > 0 ? `?${search}` : ''}`;
      if (page !== 'login')
        context.router.go(`${PAGES.login}?next=${encodeURIComponent(next)}`, { replace: true });
    } else if (state.kind === 'in' && state.me.must_change_password) {
      if (page !== 'login') context.router.go(PAGES.login, { replace: true });
    } else if (state.kind === 'in') {
      context.live.start();
      const mustEnroll = state.me.must_enroll_second_factor;
      if (page === 'login')
        context.router.go(mustEnroll ? PAGES.account : returnPath(search), { replace: true });
    }
  }

  #show(location: Location) {
    this._isMenuOpen = false;
    document.title = `${PAGE_TITLES[location.page]} · Ops-Center Edge`;
    if (this._page !== null && pageKey(location) === this.#shownKey) {
      this._page.location = location;
      return;
    }
    this.#shownKey = pageKey(location);
    void this.#open(location);
  }

  async #open(location: Location) {
    const tag = await loadPage(location.page).catch(() => null);
    if (this.#shownKey !== pageKey(location) || this.context === undefined) return;
    this._hasFailedToLoad = tag === null;
    if (tag === null) return;
    const page = document.createElement(tag);
    page.context = this.context;
    page.location = this.context.router.get();
    this._page = page;
    if (!this.#isFirstPage) {
      await this.updateComplete;
      await page.updateComplete;
      page.querySelector<HTMLElement>('h1')?.focus({ preventScroll: true });
    }
    this.#isFirstPage = false;
  }

  private _openMenu() {
    this._isMenuOpen = true;
  }
  private _closeMenu() {
    if (!this._isMenuOpen) return;
    this._isMenuOpen = false;
    this.querySelector<HTMLElement>('.top-bar .icon-button')?.focus();
  }
  private _closeMenuByKey(event: KeyboardEvent) {
    if (event.key === 'Escape') this._closeMenu();
  }
  private _skip(event: Event) {
    event.preventDefault();
    this.querySelector<HTMLElement>('#main')?.focus();
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'oc-console': ConsoleShell;
  }
}
