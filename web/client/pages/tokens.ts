/** `/admin/edge/tokens`: enrolment tokens, and how a new device is brought in. */
import { html, nothing } from 'lit';
import type { TokenView } from '#web-api';
import { formDialog, formError } from '../components/form.ts';
import { icon } from '../components/icons.ts';
import { emptyState } from '../components/states.ts';
import { statusPill } from '../components/status-pill.ts';
import { ago } from '../components/time.ts';
import { typedNameField } from '../components/typed-name.ts';
import { count } from '../format/quantity.ts';
import { DEVICE_TYPE_LABELS, TOKEN_STATE_LOOKS } from '../format/status.ts';
import { devicePath, PAGES } from '../state/addresses.ts';
import { FormAction } from '../state/form-action.ts';
import { ConsolePage, pageHead } from './console-page.ts';
import { PagedList } from './paged-list.ts';
import { TokenCreation } from './token-creation.ts';

export const TOKENS_TAG = 'oc-tokens-page' as const;

export class TokensPage extends ConsolePage {
  readonly #list = new PagedList<TokenView>(this, {
    context: () => this.context,
    what: 'tokens',
    fetch: (cursor, signal) =>
      this.context.api.call('tokens.list', { query: { ...this.chosenOrganization, ...cursor }, signal }),
  });
  #typedName = '';
  readonly #revoke = new FormAction<TokenView>(this);
  readonly #creation = new TokenCreation(this, {
    context: () => this.context,
    onChanged: () => void this.#list.load(),
  });
  #isAsked = false;

  protected override open() {
    this.#isAsked = this.location.search.has('create');
    return [
      this.context.live.onEvent((event) => {
        if (event.kind === 'token.used') void this.#list.load();
      }),
    ];
  }

  override willUpdate() {
    // `?create=1` opens the dialog as soon as the rights are known.
    if (!this.#isAsked || this.organizationsFor('token.write').length === 0) return;
    this.#isAsked = false;
    this.#creation.open();
    this.context.router.go(PAGES.tokens, { replace: true });
  }

  override render() {
    const mayCreate = this.organizationsFor('token.write').length > 0;
    const create = mayCreate
      ? html`<button type="button" class="button primary" @click=${() => this.#creation.open()}>${icon('plus')}Create token</button>`
      : nothing;
    return html`
      ${pageHead({
        title: 'Enrolment tokens',
        sub: 'A token lets a machine become a device of an organisation. It is shown once and kept as a hash.',
        actions: create,
      })}
      <div class="card table-card">${this.#content(create)}</div>
      ${this.#creation.render()} ${this.#renderRevoke()}`;
  }

  #content(create: unknown) {
    return this.#list.render({
      empty: emptyState({
        icon: 'token',
        title: 'No tokens yet',
        text: 'Create one, copy the installer line it gives you, and run it on the machine you want to manage.',
        action: html`${create}`,
      }),
      table: (items) => html`
      <table class="table auto" role="table" aria-label="Enrolment tokens">
        <thead role="rowgroup">
          <tr role="row">
            <th role="columnheader" scope="col">Name</th><th role="columnheader" scope="col">State</th><th role="columnheader" scope="col">Uses</th>
            <th role="columnheader" scope="col">Expires</th><th role="columnheader" scope="col">Tags</th><th role="columnheader" scope="col">Last device</th>
            <th role="columnheader" scope="col" class="actions"><span class="visually-hidden">Actions</span></th>
          </tr>
        </thead>
        <tbody role="rowgroup">${items.map((token) => this.#row(token))}</tbody>
      </table>`,
    });
  }

  #row(token: TokenView) {
    const mayRevoke = token.state === 'live' && this.can('token.write', token.organization_id);
    return html`<tr class="row" role="row">
      <td role="cell" class="lead"><div class="cell"><b>${token.name}</b><div class="fine"><span class="mono">${token.prefix}…</span> · ${this.organizationName(token.organization_id)}${token.device_type === null ? '' : ` · ${DEVICE_TYPE_LABELS[token.device_type]}`}${token.requires_approval ? ' · with approval' : ''}${token.allowed_networks.length === 0 ? '' : ` · from ${token.allowed_networks.join(', ')}`}${token.hardware_id === null ? '' : ` · only ${token.hardware_id}`}</div></div></td>
      <td role="cell" data-label="State"><div class="cell">${statusPill(TOKEN_STATE_LOOKS[token.state])}</div></td>
      <td role="cell" data-label="Uses"><div class="cell">${token.uses} of ${token.max_uses.toLocaleString()}</div></td>
      <td role="cell" data-label="Expires"><div class="cell">${ago(token.expires_at, this.nowMs)}</div></td>
      <td role="cell" data-label="Tags" class="wrap"><div class="cell">${token.tags.length === 0 ? html`<span class="quiet">–</span>` : html`<div class="tags">${token.tags.map((tag) => html`<span class="tag">${tag}</span>`)}</div>`}</div></td>
      <td role="cell" data-label="Last device"><div class="cell">${token.last_device === null ? html`<span class="quiet">None yet</span>` : html`<a href=${devicePath(token.last_device.id)}>${token.last_device.device_name}</a>`}</div></td>
      <td role="cell" class="actions">${mayRevoke ? html`<button type="button" class="icon-button" aria-label="Revoke ${token.name}" title="Revoke" @click=${() => this.#openRevoke(token)}>${icon('trash')}</button>` : nothing}</td>
    </tr>`;
  }

  #openRevoke(token: TokenView): void {
    this.#typedName = '';
    this.#revoke.open(token);
  }

  #renderRevoke() {
    const token = this.#revoke.subject;
    if (token === null) return nothing;
    return formDialog({
      heading: 'Revoke token',
      submitLabel: 'Revoke',
      isDanger: true,
      isBusy: this.#revoke.isBusy,
      isDisabled: this.#typedName !== token.name,
      onClose: () => this.#revoke.close(),
      onSubmit: () =>
        void this.#revoke.run(async () => {
          await this.context.api.call('tokens.revoke', { params: { token_id: token.id } });
          this.context.notices.say('success', `${token.name} is revoked.`);
          await this.#list.load();
        }),
      body: html`${formError(this.#revoke.error, [])}
        <p>Nothing can enrol with <b>${token.name}</b> from now on. ${token.uses === 0 ? '' : `${count(token.uses, 'device')} that used it stay${token.uses === 1 ? 's' : ''} enrolled.`}</p>
        ${typedNameField(token.name, (typed) => {
          this.#typedName = typed;
          this.requestUpdate();
        })}`,
    });
  }
}

customElements.define(TOKENS_TAG, TokensPage);
declare global {
  interface HTMLElementTagNameMap {
    [TOKENS_TAG]: TokensPage;
  }
}
