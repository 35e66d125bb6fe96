// TensorFlow.js, for this package alone, with the gradients of its own kernels, which bare tfjs-core leaves out.
import '@moect/kernels/tfjs-gradients';
import { asTf, asVariable, fromTf } from '@moect/kernels';
import * as tf from '@tensorflow/tfjs-core';

export { asTf, asVariable, fromTf, tf };
