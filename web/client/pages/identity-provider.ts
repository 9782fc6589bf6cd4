/** The identity provider by which people sign in: whether it answers, and how its roles become ours. */
import { html, nothing, type TemplateResult } from 'lit';
import { type ProviderView, ROLES } from '#web-api';
import { icon } from '../components/icons.ts';
import { errorState, skeletonRows } from '../components/states.ts';
import { ago } from '../components/time.ts';
import { ROLE_LABELS } from '../format/roles.ts';
import { Resource } from '../state/resource.ts';
import { ConsolePage } from './console-page.ts';

export class IdentityProviderCard extends ConsolePage {
  readonly #provider = new Resource<ProviderView>(this, (signal) =>
    this.context.api.call('oidc.provider', { signal }),
  );

  protected override open() {
    void this.#provider.load();
    return [];
  }

  override render() {
    const { value, error } = this.#provider;
    return html`<section class="card" aria-label="Identity provider">
      <div class="card-head"><h2>Identity provider</h2>${value === null || !value.configured ? nothing : this.#answering(value)}</div>
      <div class="card-body">${
        value !== null
          ? this.#facts(value)
          : error === null
            ? skeletonRows(3, 'Loading the identity provider')
            : errorState(error, () => void this.#provider.load())
      }</div>
    </section>`;
  }

  #answering({ reachable, checked_at: checkedAt }: ProviderView): TemplateResult {
    const asked = html`<span class="fine">asked ${ago(checkedAt, this.nowMs, 'not yet')}</span>`;
    if (checkedAt === null) return asked;
    return reachable
      ? html`<span class="title-line"><span class="pill tone-good">${icon('check')}Answers</span>${asked}</span>`
      : html`<span class="title-line"><span class="pill tone-bad">${icon('alert')}Does not answer</span>${asked}</span>`;
  }

  #facts(provider: ProviderView): TemplateResult {
    if (!provider.configured) {
      return html`<p class="quiet">None: people sign in with accounts of this installation. The settings of the installation name one.</p>`;
    }
    const roles = [
      ...provider.roles,
      ...(provider.system_admin_role === null
        ? []
        : [{ theirs: provider.system_admin_role, ours: 'System admin' }]),
    ];
    return html`
      ${provider.last_error === null ? nothing : html`<div class="callout tone-bad" role="status">${icon('alert')}<div>${provider.last_error}</div></div>`}
      <dl class="facts">
        ${fact('Issuer', provider.issuer)} ${fact('Client', provider.client_id)}
        ${fact('Callback, to be allowed there', provider.callback_url)}
        ${fact('Back-channel logout', provider.backchannel_logout_url)}
        ${fact('Claim of organisations', provider.organization_claim)}
        ${fact('Claim of groups', provider.groups_claim)}
        <dt>Unknown organisations</dt><dd>${provider.creates_organizations ? 'Are created' : 'Are left out'}</dd>
        <dt>Accounts of the same e-mail</dt><dd>${provider.links_by_email ? 'Become one' : 'Stay apart'}</dd>
        <dt>Without a known role</dt><dd>${provider.default_role === null ? 'No access' : roleLabel(provider.default_role)}</dd>
        ${roles.map(({ theirs, ours }) => html`<dt>Role <span class="mono">${theirs}</span></dt><dd>${roleLabel(ours)}</dd>`)}
      </dl>`;
  }
}

const fact = (label: string, value: string | null): TemplateResult | typeof nothing =>
  value === null ? nothing : html`<dt>${label}</dt><dd class="mono">${value}</dd>`;

function roleLabel(name: string): string {
  const role = ROLES.find((known) => known === name);
  return role === undefined ? name : ROLE_LABELS[role];
}

customElements.define('oc-identity-provider', IdentityProviderCard);
declare global {
  interface HTMLElementTagNameMap {
    'oc-identity-provider': IdentityProviderCard;
  }
}
