// Imported for its effect: registers the gradients of TensorFlow.js's own kernels, which bare tfjs-core leaves out.
// tfjs-core comes first: it makes the engine that both share, and the bundle's own copy of its parts would make a lame one.
import '@tensorflow/tfjs-core';
import './generated/tfjs-gradients.js';
