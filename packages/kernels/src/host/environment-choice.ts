import { InvalidConfigError } from '@moect/core';

/**
 * The one of `names` that an environment variable holds; undefined where it is empty or not set.
 * @param what name of the choice, for people
 * @throws InvalidConfigError for another name
 */
export function environmentChoice<Name extends string>(
  variable: string,
  names: readonly Name[],
  what: string,
): Name | undefined {
  const given = globalThis.process?.env?.[variable] || undefined;
  if (given === undefined) return undefined;
  const name = names.find((one) => one === given);
  if (name !== undefined) return name;
  const message = `is '${given}', must be one of ${names.join(', ')}`;
  throw new InvalidConfigError(what, [{ path: variable, message }]);
}
