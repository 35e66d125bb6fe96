// Imported for its effect: registers the gradients of TensorFlow.js's own kernels, which bare tfjs-core leaves out.
// tfjs-core comes first: it creates the shared engine; the bundle's own copy of its parts would create a partial one.
import '@tensorflow/tfjs-core';
import './generated/tfjs-gradients.js';
