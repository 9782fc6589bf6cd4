/** The side navigation: organisation switcher, pages, link state, user menu. */
import { html, LitElement, nothing, type PropertyDeclarations } from 'lit';
import type { Action, Me } from '#web-api';
import { type IconName, icon } from './components/icons.ts';
import { type AccountDialogs, createAccountDialogs } from './pages/account-dialogs.ts';
import { ApprovalBadge } from './pages/approval-badge.ts';
import { PAGES } from './state/addresses.ts';
import type { ConsoleContext } from './state/context.ts';
import { allows } from './state/session.ts';
import { Follow } from './state/store.ts';
import { THEMES } from './state/theme.ts';

interface Entry {
  readonly label: string;
  readonly icon: IconName;
  readonly path: string;
  readonly action: Action;
}
const FLEET: readonly Entry[] = [
  { label: 'Dashboard', icon: 'gauge', path: PAGES.dashboard, action: 'telemetry.read' },
  { label: 'Devices', icon: 'devices', path: PAGES.devices, action: 'device.read' },
  { label: 'Enrolment tokens', icon: 'token', path: PAGES.tokens, action: 'token.read' },
  { label: 'Approvals', icon: 'shield', path: PAGES.approvals, action: 'enrollment.read' },
  { label: 'Integrators', icon: 'plug', path: PAGES.integrators, action: 'integrator.read' },
  { label: 'Certificates', icon: 'shield', path: PAGES.certificates, action: 'certificate.read' },
  { label: 'Dead letters', icon: 'inbox', path: PAGES['dead-letters'], action: 'dead_letter.read' },
];
/** Behind the name in the switcher. */
const STATE_WORDS = { active: '', suspended: ' (suspended)', deleting: ' (being deleted)' } as const;
const THEME_LABELS = { system: 'Theme of the system', light: 'Light theme', dark: 'Dark theme' } as const;
const THEME_ICONS = { system: 'screen', light: 'sun', dark: 'moon' } as const;
const LINK_WORDS = {
  idle: { tone: 'quiet', text: 'Not connected' },
  connecting: { tone: 'quiet', text: 'Connecting…' },
  connected: { tone: 'good', text: 'Live' },
  lost: { tone: 'warn', text: 'Reconnecting…' },
} as const;

export class ConsoleNavigation extends LitElement {
  static override properties: PropertyDeclarations = {
    context: { attribute: false },
    isOpen: { attribute: false },
  };
  declare context: ConsoleContext;
  declare isOpen: boolean;
  #dialogs: AccountDialogs | null = null;
  readonly #badge = new ApprovalBadge(this, () => this.context);

  constructor() {
    super();
    this.isOpen = false;
    new Follow(this, () => {
      const { session, organization, router, live, theme } = this.context;
      return [session, organization, router, live.link, theme];
    });
  }

  protected override createRenderRoot() {
    return this;
  }

  override willUpdate() {
    this.#dialogs ??= createAccountDialogs(this, this.context);
  }

  override updated(changed: Map<string, unknown>) {
    if (changed.has('isOpen') && this.isOpen) this.querySelector<HTMLElement>('.side a')?.focus();
  }

  override render() {
    const session = this.context.session.get();
    const organizationId = this._organizationPageId();
    const admin: Entry[] = [
      ...(organizationId === null
        ? []
        : [
            {
              label: 'Organisation',
              icon: 'building' as const,
              path: PAGES.organization.replace(':organization_id', organizationId),
              action: 'organization.read' as const,
            },
          ]),
      ...(organizationId === null
        ? []
        : [
            {
              label: 'Service accounts',
              icon: 'chip' as const,
              path: PAGES['service-accounts'].replace(':organization_id', organizationId),
              action: 'service_account.read' as const,
            },
          ]),
      { label: 'Users', icon: 'people' as const, path: PAGES.users, action: 'user.read' as const },
      { label: 'Audit log', icon: 'list', path: PAGES.audit, action: 'audit.read' },
    ];
    return html`
      ${this.isOpen ? html`<button type="button" class="side-backdrop" aria-label="Close the menu" @click=${this._close}></button>` : nothing}
      <aside class="side ${this.isOpen ? 'is-open' : ''}" aria-label="Console">
        <a class="brand" href=${PAGES.devices}><img src="/icon.svg" alt="" width="28" height="28" /><span>Ops-Center <span>Edge</span></span></a>
        ${this._switcher()}
        <nav class="nav" aria-label="Main">
          <span class="nav-group" id="nav-fleet">Fleet</span>
          ${FLEET.map((entry) => this._entry(entry))}
          <span class="nav-group">Administration</span>
          ${admin.map((entry) => this._entry(entry))}
        </nav>
        <div class="side-foot">
          ${this._linkState()} ${session.kind === 'in' ? this._userMenu(session.me) : nothing}
        </div>
      </aside>
      ${this.#dialogs?.render() ?? nothing}`;
  }

  /** The chosen organisation, else the only or first one. */
  private _organizationPageId(): string | null {
    const session = this.context.session.get();
    if (session.kind !== 'in') return null;
    const shown = this.context.router.get().params.organization_id;
    return this.context.organization.get() ?? shown ?? session.organizations[0]?.id ?? null;
  }

  private _entry(entry: Entry) {
    const session = this.context.session.get();
    if (session.kind === 'in' && !allows(session, entry.action, this.context.organization.get()))
      return nothing;
    const path = this.context.router.get().path;
    const isCurrent = path === entry.path || path.startsWith(`${entry.path}/`);
    return html`<a href=${entry.path} aria-current=${isCurrent ? 'page' : nothing}>${icon(entry.icon)}${entry.label}${entry.path === PAGES.approvals ? this.#badge.render() : nothing}</a>`;
  }

  private _switcher() {
    const session = this.context.session.get();
    if (session.kind !== 'in')
      return html`<div class="switcher"><label>Organisation</label><span class="bar"></span></div>`;
    const chosen = this.context.organization.get();
    const canCreate = session.me.actions.includes('organization.create');
    return html`<div class="switcher">
      <label for="organization-switcher">Organisation</label>
      <div class="row">
        <select id="organization-switcher" class="select" @change=${this._choose}>
          <option value="" ?selected=${chosen === null}>All organisations</option>
          ${session.organizations.map(
            (organization) =>
              html`<option value=${organization.id} ?selected=${organization.id === chosen}>${organization.name}${STATE_WORDS[organization.state]}</option>`,
          )}
        </select>
        ${
          canCreate
            ? html`<button type="button" class="icon-button" aria-label="Create an organisation" title="Create an organisation" @click=${() => this.#dialogs?.createOrganization()}>${icon('plus')}</button>`
            : nothing
        }
      </div>
    </div>`;
  }

  private _linkState() {
    const words = LINK_WORDS[this.context.live.link.get()];
    return html`<span class="link-state tone-${words.tone}">${words.text}</span>`;
  }

  private _userMenu(me: Me) {
    const theme = this.context.theme.get();
    const initials = me.name
      .split(/\s+/)
      .map((word) => word[0] ?? '')
      .join('')
      .slice(0, 2)
      .toUpperCase();
    return html`<wa-dropdown placement="top-start" @wa-select=${this._select}>
      <button slot="trigger" type="button" class="user-button">
        <span class="avatar" aria-hidden="true">${initials}</span>
        <span class="who"><span>${me.name}</span><span class="fine">${me.email}</span></span>
        ${icon('chevron-down')}
      </button>
      ${THEMES.map(
        (name) => html`<wa-dropdown-item type="checkbox" value="theme:${name}" .checked=${theme === name}>
          <span slot="icon">${icon(THEME_ICONS[name])}</span>${THEME_LABELS[name]}
        </wa-dropdown-item>`,
      )}
      <wa-dropdown-item value="account"><span slot="icon">${icon('user')}</span>Your account</wa-dropdown-item>
      <wa-dropdown-item value="password"><span slot="icon">${icon('lock')}</span>Change password</wa-dropdown-item>
      <wa-dropdown-item value="logout"><span slot="icon">${icon('logout')}</span>Sign out</wa-dropdown-item>
    </wa-dropdown>`;
  }

  private _choose(event: Event) {
    const chosen = event.currentTarget instanceof HTMLSelectElement ? event.currentTarget.value : '';
    this.context.organization.choose(chosen === '' ? null : chosen);
  }

  private _select(event: CustomEvent<{ item: { value: string } }>) {
    const value = event.detail.item.value;
    const theme = THEMES.find((name) => value === `theme:${name}`);
    if (theme !== undefined) {
      event.preventDefault();
      this.context.theme.choose(theme);
    } else if (value === 'account') this.context.router.go(PAGES.account);
    else if (value === 'password') this.#dialogs?.changePassword();
    else if (value === 'logout') void this.#dialogs?.signOut();
  }

  private _close() {
    this.dispatchEvent(new CustomEvent('oc-close', { bubbles: true }));
  }
}

customElements.define('oc-navigation', ConsoleNavigation);
declare global {
  interface HTMLElementTagNameMap {
    'oc-navigation': ConsoleNavigation;
  }
}
