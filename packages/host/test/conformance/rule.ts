import { afterAll, afterEach, beforeAll, describe, test } from 'vitest';
import { ConformanceHost, type ConformanceOptions, type Form, FORMS } from './forms.ts';

/** A rule is a test body that is given the host of its form. */
export type Rule = (text: string, body: (host: ConformanceHost) => Promise<void> | void) => void;

export interface Setting extends ConformanceOptions {
  /** Default: all. Fewer where the others cannot tell the difference. */
  readonly forms?: readonly Form[] | undefined;
  /** Each rule gets a host of its own. Default: the rules of a section share one, and must not disturb each other. */
  readonly isFresh?: boolean | undefined;
}

/** Rules of one subject, each run under every form with the same body. The page of the suite is made from the texts. */
export function section(title: string, setting: Setting, define: (rule: Rule) => void): void {
  const { forms = FORMS, isFresh = false } = setting;
  describe.each(forms.map((form) => [form] as const))(`${title}: %s`, (form) => {
    let host: ConformanceHost | undefined;
    const open = async (): Promise<void> => void (host = await ConformanceHost.open(form, setting));
    const close = async (): Promise<void> => {
      await host?.close();
      host = undefined;
    };
    if (!isFresh) {
      beforeAll(open);
      afterAll(close);
    }
    afterEach(() => (isFresh ? close() : host?.hangUp()));
    define((text, body) => {
      test(text, async () => {
        if (isFresh) await open();
        await body(host!);
      });
    });
  });
}

/** Rules that no host is needed for, such as encodings. */
export function plainSection(
  title: string,
  define: (rule: (text: string, body: () => void | Promise<void>) => void) => void,
): void {
  describe(title, () => define((text, body) => test(text, body)));
}
