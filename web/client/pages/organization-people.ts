/** People of one organisation: who they are, their roles, and the groups that a role is limited to. */
import { html, nothing, type PropertyDeclarations, type TemplateResult } from 'lit';
import { type MemberView, ROLES, type Role } from '#web-api';
import { describedBy, field, fieldError, formDialog, formError, textOf } from '../components/form.ts';
import { icon } from '../components/icons.ts';
import { emptyState } from '../components/states.ts';
import { ago } from '../components/time.ts';
import { typedNameField } from '../components/typed-name.ts';
import { limitText, ROLE_LABELS } from '../format/roles.ts';
import { FormAction } from '../state/form-action.ts';
import { ConsolePage } from './console-page.ts';
import { GroupNames } from './group-names.ts';
import { PagedList } from './paged-list.ts';

export class OrganizationPeople extends ConsolePage {
  static override properties: PropertyDeclarations = {
    ...ConsolePage.properties,
    organizationId: { attribute: false },
  };
  declare organizationId: string;
  readonly #members = new PagedList<MemberView>(this, {
    context: () => this.context,
    what: 'members',
    followsOrganization: false,
    fetch: (cursor, signal) =>
      this.context.api.call('members.list', {
        params: { organization_id: this.organizationId },
        query: cursor,
        signal,
      }),
  });
  readonly #groups = new GroupNames(this, {
    context: () => this.context,
    organizationId: () => this.organizationId,
  });
  readonly #add = new FormAction<true>(this);
  readonly #edit = new FormAction<MemberView>(this);
  readonly #remove = new FormAction<MemberView>(this);
  /** Of the open form: an admin's role has no limit to choose. */
  #role: Role = 'org_member';
  #isLimited = false;
  #typedEmail = '';

  protected override open() {
    if (this.can('group.read', this.organizationId)) this.#groups.load();
    return [];
  }

  override render() {
    const mayManage = this.can('member.write', this.organizationId);
    return html`
      <section class="card table-card" aria-label="Members">
        <div class="card-head">
          <h2>Members</h2>
          ${mayManage ? html`<button type="button" class="button small" @click=${this.#openAdd}>${icon('plus')}Add member</button>` : nothing}
        </div>
        ${this.#renderMembers(mayManage)}
      </section>
      ${this.#renderAdd()} ${this.#renderEdit()} ${this.#renderRemove()}`;
  }

  #renderMembers(mayManage: boolean) {
    return this.#members.render({
      empty: emptyState({
        icon: 'people',
        title: 'No members yet',
        text: 'Add the people who run this organisation’s devices. System admins need no membership.',
      }),
      table: (items) => html`
      <table class="table auto" role="table" aria-label="Members">
        <thead role="rowgroup">
          <tr role="row"><th role="columnheader" scope="col">Name</th><th role="columnheader" scope="col">Role</th><th role="columnheader" scope="col">Devices</th><th role="columnheader" scope="col">Last sign-in</th><th role="columnheader" scope="col">Added</th><th role="columnheader" scope="col" class="actions"><span class="visually-hidden">Actions</span></th></tr>
        </thead>
        <tbody role="rowgroup">${items.map((member) => this.#row(member, mayManage))}</tbody>
      </table>`,
    });
  }

  #row(member: MemberView, mayManage: boolean) {
    const session = this.context.session.get();
    const isSelf = session.kind === 'in' && session.me.user_id === member.user_id;
    return html`<tr class="row" role="row">
      <td role="cell" class="lead"><div class="cell"><b>${member.name}</b>${isSelf ? html` <span class="tag">You</span>` : nothing}${member.disabled ? html` <span class="tag">Disabled</span>` : nothing}<div class="fine">${member.email}</div></div></td>
      <td role="cell" data-label="Role"><div class="cell">${ROLE_LABELS[member.role]}</div></td>
      <td role="cell" data-label="Devices"><div class="cell">${limitText(member.group_ids, this.#groups.nameOf)}</div></td>
      <td role="cell" data-label="Last sign-in"><div class="cell">${ago(member.last_login_at, this.nowMs)}</div></td>
      <td role="cell" data-label="Added"><div class="cell">${ago(member.created_at, this.nowMs)}</div></td>
      <td role="cell" class="actions">${
        mayManage && !isSelf
          ? html`<div class="icon-row"><button type="button" class="icon-button" aria-label="Change the role of ${member.name}" title="Change role" @click=${() => this.#openEdit(member)}>${icon('pencil')}</button>
              <button type="button" class="icon-button" aria-label="Remove ${member.name}" title="Remove" @click=${() => this.#openRemove(member)}>${icon('trash')}</button></div>`
          : nothing
      }</td>
    </tr>`;
  }

  readonly #openAdd = (): void => {
    this.#role = 'org_member';
    this.#isLimited = false;
    this.#add.open(true);
  };

  #openRemove(member: MemberView): void {
    this.#typedEmail = '';
    this.#remove.open(member);
  }

  #openEdit(member: MemberView): void {
    this.#role = member.role;
    this.#isLimited = member.group_ids !== null;
    this.#edit.open(member);
  }

  /** Role and limit, in both forms. */
  #roleFields(chosenIds: readonly string[]): TemplateResult {
    const mayBeLimited = this.#role !== 'org_admin';
    return html`
      ${field({
        id: 'member-role',
        label: 'Role',
        control: html`<select class="select" id="member-role" name="role" @change=${this.#chooseRole} aria-describedby=${describedBy('member-role')}>${ROLES.map((role) => html`<option value=${role} ?selected=${role === this.#role}>${ROLE_LABELS[role]}</option>`)}</select>`,
      })}
      ${
        mayBeLimited
          ? html`<label class="check"><input type="checkbox" .checked=${this.#isLimited} @change=${this.#chooseLimit} />Only devices of chosen groups</label>`
          : nothing
      }
      ${
        mayBeLimited && this.#isLimited
          ? html`<fieldset class="field"><legend>Groups</legend>${
              this.#groups.all.length === 0
                ? html`<p class="quiet">There are no groups yet: this role will see no device.</p>`
                : this.#groups.all.map(
                    ({ id, name }) =>
                      html`<label class="check"><input type="checkbox" name="group" value=${id} ?checked=${chosenIds.includes(id)} />${name}</label>`,
                  )
            }</fieldset>`
          : nothing
      }`;
  }

  #groupIdsOf(form: FormData): string[] | null {
    if (this.#role === 'org_admin' || !this.#isLimited) return null;
    return form.getAll('group').filter((value) => typeof value === 'string');
  }

  readonly #chooseRole = (event: Event): void => {
    const value = event.currentTarget instanceof HTMLSelectElement ? event.currentTarget.value : '';
    this.#role = ROLES.find((role) => role === value) ?? 'org_member';
    this.requestUpdate();
  };

  readonly #chooseLimit = (event: Event): void => {
    this.#isLimited = event.currentTarget instanceof HTMLInputElement && event.currentTarget.checked;
    this.requestUpdate();
  };

  #renderAdd() {
    if (this.#add.subject === null) return nothing;
    const { error, isBusy } = this.#add;
    return formDialog({
      heading: 'Add member',
      submitLabel: 'Add',
      isBusy,
      onClose: () => this.#add.close(),
      onSubmit: (form) =>
        void this.#add.run(async () => {
          const name = textOf(form, 'name');
          const password = textOf(form, 'password');
          const added = await this.context.api.call('members.add', {
            params: { organization_id: this.organizationId },
            body: {
              email: textOf(form, 'email') ?? '',
              role: this.#role,
              group_ids: this.#groupIdsOf(form),
              ...(name === null ? {} : { name }),
              ...(password === null ? {} : { password }),
            },
          });
          this.context.notices.say('success', `${added.name} is a member now.`);
          await this.#members.load();
        }),
      body: html`
        ${formError(error, ['email', 'name', 'role', 'password'])}
        ${field({ id: 'member-email', label: 'E-mail', error: fieldError(error, 'email'), control: html`<input class="input" id="member-email" name="email" type="email" required maxlength="254" autocomplete="off" autofocus aria-describedby=${describedBy('member-email')} />` })}
        ${this.#roleFields([])}
        ${field({ id: 'member-name', label: 'Name', isOptional: true, hint: 'For a person who is new here.', error: fieldError(error, 'name'), control: html`<input class="input" id="member-name" name="name" maxlength="200" autocomplete="off" aria-describedby=${describedBy('member-name')} />` })}
        ${field({ id: 'member-password', label: 'First password', isOptional: true, hint: 'For a person who is new here; at least 12 characters, changed at the first sign-in.', error: fieldError(error, 'password'), control: html`<input class="input" id="member-password" name="password" type="password" minlength="12" maxlength="200" autocomplete="new-password" aria-describedby=${describedBy('member-password')} />` })}`,
    });
  }

  #renderEdit() {
    const member = this.#edit.subject;
    if (member === null) return nothing;
    return formDialog({
      heading: `Role of ${member.name}`,
      submitLabel: 'Save',
      isBusy: this.#edit.isBusy,
      onClose: () => this.#edit.close(),
      onSubmit: (form) =>
        void this.#edit.run(async () => {
          const params = { organization_id: this.organizationId, user_id: member.user_id };
          const body = { role: this.#role, group_ids: this.#groupIdsOf(form) };
          const changed = await this.context.api.call('members.update', { params, body });
          this.context.notices.say('success', `${changed.name} is now ${ROLE_LABELS[changed.role]}.`);
          await this.#members.load();
        }),
      body: html`${formError(this.#edit.error, [])}${this.#roleFields(member.group_ids ?? [])}`,
    });
  }

  #renderRemove() {
    const member = this.#remove.subject;
    if (member === null) return nothing;
    return formDialog({
      heading: 'Remove member',
      submitLabel: 'Remove',
      isDanger: true,
      isBusy: this.#remove.isBusy,
      isDisabled: this.#typedEmail !== member.email,
      onClose: () => this.#remove.close(),
      onSubmit: () =>
        void this.#remove.run(async () => {
          const params = { organization_id: this.organizationId, user_id: member.user_id };
          await this.context.api.call('members.remove', { params });
          this.context.notices.say('success', `${member.name} is no member any more.`);
          await this.#members.load();
        }),
      body: html`${formError(this.#remove.error, [])}<p><b>${member.name}</b> (${member.email}) loses access to this organisation at once.</p>
        ${typedNameField(member.email, (typed) => {
          this.#typedEmail = typed;
          this.requestUpdate();
        })}`,
    });
  }
}

customElements.define('oc-organization-people', OrganizationPeople);
declare global {
  interface HTMLElementTagNameMap {
    'oc-organization-people': OrganizationPeople;
  }
}
