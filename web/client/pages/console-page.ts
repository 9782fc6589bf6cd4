/** What every page has: the context, its address, and short ways to ask for rights and names. */
import { html, LitElement, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import type { Action, OrganizationView } from '#web-api';
import type { Location } from '../state/addresses.ts';
import type { ConsoleContext } from '../state/context.ts';
import { allows, organizationsAllowing } from '../state/session.ts';
import { Follow, type Readable } from '../state/store.ts';

/** Pages live in the light DOM: one style sheet, and labels, ids and anchors that reach each other. */
export abstract class ConsolePage extends LitElement {
  static override properties: PropertyDeclarations = {
    context: { attribute: false },
    location: { attribute: false },
  };
  declare context: ConsoleContext;
  declare location: Location;
  #releases: (() => void)[] = [];
  #isShown = false;

  constructor() {
    super();
    new Follow(this, () => this.followed());
  }

  protected override createRenderRoot() {
    return this;
  }

  override connectedCallback() {
    super.connectedCallback();
    this.#releases = this.open();
  }

  override disconnectedCallback() {
    super.disconnectedCallback();
    for (const release of this.#releases) release();
    this.#releases = [];
  }

  /** Tells the shell, once, that the page shows more than skeletons. */
  protected override updated(_changed: Map<string, unknown>): void {
    if (this.#isShown || this.querySelector('.skeleton-list') !== null) return;
    this.#isShown = true;
    this.dispatchEvent(new CustomEvent('oc-page-shown', { bubbles: true }));
  }

  /** Stores whose change renders the page again. */
  protected followed(): readonly Readable<unknown>[] {
    return [this.context.session, this.context.clock, this.context.organization];
  }

  /** First loads and subscriptions; what it returns is called when the page is left. */
  protected open(): (() => void)[] {
    return [];
  }

  protected get nowMs(): number {
    return this.context.clock.get();
  }

  protected can(action: Action, organizationId: string | null): boolean {
    return allows(this.context.session.get(), action, organizationId);
  }

  protected get organizations(): readonly OrganizationView[] {
    const session = this.context.session.get();
    return session.kind === 'in' ? session.organizations : [];
  }

  protected organizationsFor(action: Action): readonly OrganizationView[] {
    return organizationsAllowing(this.context.session.get(), action);
  }

  protected organizationName(organizationId: string | null): string {
    if (organizationId === null) return 'Installation';
    return this.organizations.find((organization) => organization.id === organizationId)?.name ?? '…';
  }

  protected get chosenOrganization(): { org_id?: string } {
    const chosen = this.context.organization.get();
    return chosen === null ? {} : { org_id: chosen };
  }
}

export const pageHead = (input: {
  title: string | TemplateResult;
  sub?: string | TemplateResult | typeof nothing;
  actions?: TemplateResult | typeof nothing;
}): TemplateResult => html`
  <div class="page-head">
    <div>
      <h1 tabindex="-1">${input.title}</h1>
      ${input.sub === undefined || input.sub === nothing ? nothing : html`<p class="sub">${input.sub}</p>`}
    </div>
    ${input.actions === undefined || input.actions === nothing ? nothing : html`<div class="page-actions">${input.actions}</div>`}
  </div>`;
