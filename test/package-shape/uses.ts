/** What a stranger's first program with each package might be; prints `ok`. */
export const USES: Readonly<Record<string, string>> = {
  core: `
    import { MoectError, NoSuchComponentError } from '@moect/core';
    const error = new NoSuchComponentError('router', 'x', ['topK']);
    console.log(MoectError.isInstance(error) ? 'ok' : error);
  `,
  tensor: `
    import { matMul, ones, selectBackend } from '@moect/tensor';
    await selectBackend('auto');
    const product = await matMul(ones([2, 3]), ones([3, 2])).data();
    console.log(product.every((x) => x === 3) ? 'ok' : product);
  `,
};
