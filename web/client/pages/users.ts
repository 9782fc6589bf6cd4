/** `/admin/users`: everybody who can sign in, for the installation's admins. */
import { html, nothing } from 'lit';
import type { UserView } from '#web-api';
import { describedBy, field, fieldError, formDialog, formError, textOf } from '../components/form.ts';
import { icon } from '../components/icons.ts';
import { emptyState } from '../components/states.ts';
import { ago } from '../components/time.ts';
import { ROLE_LABELS } from '../format/roles.ts';
import { organizationTabPath } from '../state/addresses.ts';
import { FormAction } from '../state/form-action.ts';
import { ConsolePage, pageHead } from './console-page.ts';
import './identity-provider.ts';
import { PagedList } from './paged-list.ts';

export const USERS_TAG = 'oc-users-page' as const;
const SEARCH_DEBOUNCE_MS = 250;

export class UsersPage extends ConsolePage {
  readonly #list = new PagedList<UserView>(this, {
    context: () => this.context,
    what: 'users',
    followsOrganization: false,
    fetch: (cursor, signal) =>
      this.context.api.call('users.list', {
        query: { ...(this.#text === '' ? {} : { search: this.#text }), ...cursor },
        signal,
      }),
  });
  readonly #edit = new FormAction<UserView>(this);
  readonly #disable = new FormAction<UserView>(this);
  #text = '';
  #typedEmail = '';
  #wait: ReturnType<typeof setTimeout> | undefined;

  protected override open() {
    return [() => clearTimeout(this.#wait)];
  }

  override render() {
    return html`
      ${pageHead({ title: 'Users', sub: 'Everybody who can sign in, in whatever organisation.' })}
      <div class="stack">
      <div class="card table-card">
        <div class="filters"><div class="search">${icon('search')}<input class="input" type="search" aria-label="Search users" placeholder="E-mail or name" maxlength="100" @input=${this.#search} /></div></div>
        ${this.#list.render({
          empty: emptyState({ icon: 'people', title: 'Nobody matches', text: 'Search by e-mail or name.' }),
          table: (items) => html`
          <table class="table auto" role="table" aria-label="Users">
            <thead role="rowgroup">
              <tr role="row"><th role="columnheader" scope="col">Name</th><th role="columnheader" scope="col">Organisations</th><th role="columnheader" scope="col">Signs in with</th><th role="columnheader" scope="col">Last sign-in</th><th role="columnheader" scope="col" class="actions"><span class="visually-hidden">Actions</span></th></tr>
            </thead>
            <tbody role="rowgroup">${items.map((user) => this.#row(user))}</tbody>
          </table>`,
        })}
      </div>
      <oc-identity-provider .context=${this.context} .location=${this.location}></oc-identity-provider>
      </div>
      ${this.#renderEdit()} ${this.#renderDisable()}`;
  }

  #row(user: UserView) {
    const isSelf = this.#isSelf(user);
    return html`<tr class="row" role="row">
      <td role="cell" class="lead"><div class="cell"><b>${user.name}</b>${isSelf ? html` <span class="tag">You</span>` : nothing}${user.is_system_admin ? html` <span class="tag">System admin</span>` : nothing}${user.disabled ? html` <span class="tag">Disabled</span>` : nothing}<div class="fine">${user.email}</div></div></td>
      <td role="cell" data-label="Organisations"><div class="cell">${
        user.organizations.length === 0
          ? html`<span class="quiet">none</span>`
          : user.organizations.map(
              ({ organization_id, name, role }) =>
                html`<div><a href=${organizationTabPath(organization_id, 'people')}>${name}</a> <span class="fine">${ROLE_LABELS[role]}</span></div>`,
            )
      }</div></td>
      <td role="cell" data-label="Signs in with"><div class="cell">${user.identity_provider ?? 'Password'}</div></td>
      <td role="cell" data-label="Last sign-in"><div class="cell">${ago(user.last_login_at, this.nowMs)}</div></td>
      <td role="cell" class="actions">${
        this.can('user.write', null)
          ? html`<div class="icon-row"><button type="button" class="icon-button" aria-label="Edit ${user.name}" title="Edit" @click=${() => this.#edit.open(user)}>${icon('pencil')}</button>
              ${isSelf ? nothing : this.#disableButton(user)}</div>`
          : nothing
      }</td>
    </tr>`;
  }

  #isSelf(user: UserView): boolean {
    const session = this.context.session.get();
    return session.kind === 'in' && session.me.user_id === user.id;
  }

  #disableButton(user: UserView) {
    const verb = user.disabled ? 'Enable' : 'Disable';
    return html`<button type="button" class="icon-button" aria-label="${verb} ${user.name}" title=${verb} @click=${() => this.#openDisable(user)}>${icon(user.disabled ? 'check' : 'ban')}</button>`;
  }

  #renderEdit() {
    const user = this.#edit.subject;
    if (user === null) return nothing;
    const { error, isBusy } = this.#edit;
    return formDialog({
      heading: `Edit ${user.email}`,
      submitLabel: 'Save',
      isBusy,
      onClose: () => this.#edit.close(),
      onSubmit: (form) =>
        void this.#edit.run(async () => {
          await this.context.api.call('users.update', {
            params: { user_id: user.id },
            body: {
              name: textOf(form, 'name') ?? '',
              ...(this.#isSelf(user) ? {} : { is_system_admin: form.has('is_system_admin') }),
            },
          });
          await this.#list.load();
        }),
      body: html`${formError(error, ['name'])}
        ${field({ id: 'user-name', label: 'Name', error: fieldError(error, 'name'), control: html`<input class="input" id="user-name" name="name" required maxlength="200" autofocus .value=${user.name} aria-describedby=${describedBy('user-name')} />` })}
        ${this.#isSelf(user) ? nothing : html`<label class="check"><input type="checkbox" name="is_system_admin" ?checked=${user.is_system_admin} />System admin: may do everything in every organisation</label>`}`,
    });
  }

  #openDisable(user: UserView): void {
    this.#typedEmail = '';
    this.#disable.open(user);
  }

  #renderDisable() {
    const user = this.#disable.subject;
    if (user === null) return nothing;
    const isDisabling = !user.disabled;
    return formDialog({
      heading: isDisabling ? 'Disable user' : 'Enable user',
      submitLabel: isDisabling ? 'Disable' : 'Enable',
      isDanger: isDisabling,
      isBusy: this.#disable.isBusy,
      isDisabled: isDisabling && this.#typedEmail !== user.email,
      onClose: () => this.#disable.close(),
      onSubmit: () => {
        if (isDisabling && this.#typedEmail !== user.email) return;
        void this.#disable.run(async () => {
          const changed = await this.context.api.call('users.update', {
            params: { user_id: user.id },
            body: { disabled: isDisabling },
          });
          this.context.notices.say(
            'success',
            `${changed.name} is ${changed.disabled ? 'disabled' : 'enabled'}.`,
          );
          await this.#list.load();
        });
      },
      body: html`${formError(this.#disable.error, [])}
        ${
          isDisabling
            ? html`<p>Every session of <b>${user.name}</b> ends now and no API key of theirs works until they are enabled again.</p>
              ${field({
                id: 'typed-email',
                label: `Type “${user.email}” to confirm`,
                control: html`<input class="input" id="typed-email" autocomplete="off" spellcheck="false" autofocus @input=${this.#type} aria-describedby=${describedBy('typed-email')} />`,
              })}`
            : html`<p><b>${user.name}</b> can sign in again.</p>`
        }`,
    });
  }

  readonly #type = (event: Event): void => {
    this.#typedEmail = event.target instanceof HTMLInputElement ? event.target.value.trim() : '';
    this.requestUpdate();
  };

  readonly #search = (event: Event): void => {
    if (!(event.currentTarget instanceof HTMLInputElement)) return;
    const text = event.currentTarget.value.trim();
    clearTimeout(this.#wait);
    this.#wait = setTimeout(() => {
      this.#text = text;
      void this.#list.load();
    }, SEARCH_DEBOUNCE_MS);
  };
}

customElements.define(USERS_TAG, UsersPage);
declare global {
  interface HTMLElementTagNameMap {
    [USERS_TAG]: UsersPage;
  }
}
