/** `/admin/service-accounts/{organisation}`: accounts of programs, their roles and their keys. */
import { html, nothing } from 'lit';
import { KEY_SCOPES, ROLES, type ServiceAccountView } from '#web-api';
import { describedBy, field, fieldError, formDialog, formError, textOf } from '../components/form.ts';
import { icon } from '../components/icons.ts';
import { emptyState } from '../components/states.ts';
import { ago } from '../components/time.ts';
import { typedNameField } from '../components/typed-name.ts';
import { count } from '../format/quantity.ts';
import { ROLE_LABELS } from '../format/roles.ts';
import { PAGES } from '../state/addresses.ts';
import { FormAction } from '../state/form-action.ts';
import './api-key-list.ts';
import { ConsolePage, pageHead } from './console-page.ts';
import { PagedList } from './paged-list.ts';

export const SERVICE_ACCOUNTS_TAG = 'oc-service-accounts-page' as const;

export class ServiceAccountsPage extends ConsolePage {
  readonly #list = new PagedList<ServiceAccountView>(this, {
    context: () => this.context,
    what: 'service accounts',
    followsOrganization: false,
    fetch: (cursor, signal) =>
      this.context.api.call('service_accounts.list', {
        params: { organization_id: this.#id },
        query: cursor,
        signal,
      }),
  });
  readonly #create = new FormAction<true>(this);
  readonly #role = new FormAction<ServiceAccountView>(this);
  readonly #remove = new FormAction<ServiceAccountView>(this);
  #typedName = '';
  /** Whose keys are shown. */
  #openId: string | null = null;

  get #id(): string {
    return this.location.params.organization_id ?? '';
  }

  /** The switcher leads from one organisation's page to the next one's. */
  protected override open() {
    return [
      this.context.organization.subscribe((chosen) => {
        if (chosen === null || chosen === this.#id) return;
        this.context.router.go(PAGES['service-accounts'].replace(':organization_id', chosen), {
          replace: true,
        });
      }),
    ];
  }

  override render() {
    const create = this.can('service_account.write', this.#id)
      ? html`<button type="button" class="button primary" @click=${() => this.#create.open(true)}>${icon('plus')}Create account</button>`
      : nothing;
    return html`
      ${pageHead({
        title: 'Service accounts',
        sub: html`Accounts of programs in ${this.organizationName(this.#id)}: they have API keys and cannot sign in.`,
        actions: create,
      })}
      <div class="stack">
        <div class="card table-card">${this.#content(create)}</div>
        ${this.#keys()}
      </div>
      ${this.#renderCreate()} ${this.#renderRole()} ${this.#renderRemove()}`;
  }

  #content(create: unknown) {
    return this.#list.render({
      empty: emptyState({
        icon: 'chip',
        title: 'No service accounts yet',
        text: 'Give each program its own account, so that its keys outlive the people who made them.',
        action: html`${create}`,
      }),
      table: (items) => html`<table class="table auto" role="table" aria-label="Service accounts">
        <thead role="rowgroup">
          <tr role="row">
            <th role="columnheader" scope="col">Name</th><th role="columnheader" scope="col">Role</th>
            <th role="columnheader" scope="col">Keys</th><th role="columnheader" scope="col">Last used</th>
            <th role="columnheader" scope="col">Created</th>
            <th role="columnheader" scope="col" class="actions"><span class="visually-hidden">Actions</span></th>
          </tr>
        </thead>
        <tbody role="rowgroup">${items.map((account) => this.#row(account))}</tbody>
      </table>`,
    });
  }

  #row(account: ServiceAccountView) {
    const mayWrite = this.can('service_account.write', this.#id);
    const isOpen = this.#openId === account.id;
    return html`<tr class="row" role="row">
      <td role="cell" class="lead"><div class="cell"><b>${account.name}</b></div></td>
      <td role="cell" data-label="Role"><div class="cell">${ROLE_LABELS[account.role]}</div></td>
      <td role="cell" data-label="Keys"><div class="cell"><button type="button" class="button small" aria-expanded=${isOpen ? 'true' : 'false'} @click=${() => this.#toggle(account.id)}>${count(account.key_count, 'key')}${icon(isOpen ? 'chevron-down' : 'chevron-right')}</button></div></td>
      <td role="cell" data-label="Last used"><div class="cell">${ago(account.last_used_at, this.nowMs)}</div></td>
      <td role="cell" data-label="Created"><div class="cell" title=${account.created_by ?? ''}>${ago(account.created_at, this.nowMs)}</div></td>
      <td role="cell" class="actions">${
        mayWrite
          ? html`<div class="icon-row"><button type="button" class="icon-button" aria-label="Change the role of ${account.name}" title="Change role" @click=${() => this.#role.open(account)}>${icon('pencil')}</button>
              <button type="button" class="icon-button" aria-label="Delete ${account.name}" title="Delete" @click=${() => this.#askRemove(account)}>${icon('trash')}</button></div>`
          : nothing
      }</td>
    </tr>`;
  }

  #keys() {
    const account = this.#list.items?.find(({ id }) => id === this.#openId);
    if (account === undefined) return nothing;
    const mayWrite = this.can('service_account.write', this.#id);
    const holder = { organizationId: this.#id, accountId: account.id, mayWrite };
    // A list of its own for each account.
    return [account.id].map(
      () => html`<h2 class="card-title">Keys of ${account.name}</h2>
        <oc-api-key-list .context=${this.context} .location=${this.location} .scopes=${KEY_SCOPES} .holder=${holder} @oc-keys-changed=${() => void this.#list.load()}></oc-api-key-list>`,
    );
  }

  async #toggle(accountId: string) {
    const next = this.#openId === accountId ? null : accountId;
    // Taken down before the next one is put up: the element belongs to one account.
    this.#openId = null;
    this.requestUpdate();
    await this.updateComplete;
    this.#openId = next;
    this.requestUpdate();
  }

  #renderCreate() {
    const { subject, error, isBusy } = this.#create;
    if (subject === null) return nothing;
    return formDialog({
      heading: 'Create a service account',
      submitLabel: 'Create',
      isBusy,
      onClose: () => this.#create.close(),
      onSubmit: (form) =>
        void this.#create.run(async () => {
          const created = await this.context.api.call('service_accounts.create', {
            params: { organization_id: this.#id },
            body: { name: textOf(form, 'name') ?? '', role: roleOf(form) },
          });
          this.context.notices.say('success', `${created.name} is ready. Give it a key.`);
          await this.#list.load();
          await this.#toggle(created.id);
        }),
      body: html`${formError(error, ['name', 'role'])}
        ${field({
          id: 'account-name',
          label: 'Name',
          hint: 'Up to 40 of a–z, 0–9 and hyphens, such as the program it is for.',
          error: fieldError(error, 'name'),
          control: html`<input class="input mono" id="account-name" name="name" required maxlength="40" autofocus autocomplete="off" autocapitalize="off" spellcheck="false" pattern="[a-z0-9]([a-z0-9\\-]*[a-z0-9])?" aria-describedby=${describedBy('account-name')} />`,
        })}
        ${roleField('operator', fieldError(error, 'role'))}`,
    });
  }

  #renderRole() {
    const { subject: account, error, isBusy } = this.#role;
    if (account === null) return nothing;
    return formDialog({
      heading: `Role of ${account.name}`,
      submitLabel: 'Change role',
      isBusy,
      onClose: () => this.#role.close(),
      onSubmit: (form) =>
        void this.#role.run(async () => {
          await this.context.api.call('service_accounts.update', {
            params: { organization_id: this.#id, account_id: account.id },
            body: { role: roleOf(form) },
          });
          this.context.notices.say('success', `The role of ${account.name} is changed.`);
          await this.#list.load();
        }),
      body: html`${formError(error, ['role'])}<p>Its keys follow at once; a scope beyond the role opens nothing.</p>
        ${roleField(account.role, fieldError(error, 'role'))}`,
    });
  }

  #askRemove(account: ServiceAccountView) {
    this.#typedName = '';
    this.#remove.open(account);
  }

  #renderRemove() {
    const { subject: account, error, isBusy } = this.#remove;
    if (account === null) return nothing;
    return formDialog({
      heading: 'Delete service account',
      submitLabel: 'Delete',
      isDanger: true,
      isDisabled: this.#typedName !== account.name,
      isBusy,
      onClose: () => this.#remove.close(),
      onSubmit: () =>
        void this.#remove.run(async () => {
          await this.context.api.call('service_accounts.delete', {
            params: { organization_id: this.#id, account_id: account.id },
          });
          this.context.notices.say('success', `${account.name} is deleted.`);
          await this.#list.load();
        }),
      body: html`${formError(error, [])}
        <p>Its ${count(account.key_count, 'key')} stop${account.key_count === 1 ? 's' : ''} working at once.</p>
        ${typedNameField(account.name, (typed) => {
          this.#typedName = typed;
          this.requestUpdate();
        })}`,
    });
  }
}

const roleOf = (form: FormData): ServiceAccountView['role'] =>
  ROLES.find((role) => role === form.get('role')) ?? 'org_member';

const roleField = (chosen: ServiceAccountView['role'], error: string | null) =>
  field({
    id: 'account-role',
    label: 'Role',
    error,
    control: html`<select class="select" id="account-role" name="role" aria-describedby=${describedBy('account-role')}>
      ${ROLES.map((role) => html`<option value=${role} ?selected=${role === chosen}>${ROLE_LABELS[role]}</option>`)}
    </select>`,
  });

customElements.define(SERVICE_ACCOUNTS_TAG, ServiceAccountsPage);
declare global {
  interface HTMLElementTagNameMap {
    [SERVICE_ACCOUNTS_TAG]: ServiceAccountsPage;
  }
}
