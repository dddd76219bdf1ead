import type { GrantAction } from '@inner-universe/module/wire';

/** What somebody may do: see the permissions of the module. */
export interface TestGrant {
  readonly action: GrantAction;
  /** `event:<pattern>`, `entity:<type>`, `relation:<type>`, `store:<name>` or `scope:<name>`. */
  readonly resource: string;
  /** Limits it to one scope. Default: every scope. */
  readonly scope?: string | undefined;
  /** When it ends, by the test's clock. Default: never. */
  readonly expiresAt?: Date | undefined;
}

/** Reading and writing everything in the scope `main`, for `test.as`. */
export const READ_AND_WRITE: readonly TestGrant[] = [
  { action: 'read', resource: 'scope:main' },
  { action: 'write', resource: 'scope:main' },
];
