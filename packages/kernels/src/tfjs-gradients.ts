// Imported for its effect: registers the gradients of TensorFlow.js's own kernels, which bare tfjs-core leaves out.
// TensorFlow.js comes first: the registrations carry parts of it, and the engine belongs to who asks for it first.
import '@tensorflow/tfjs-core';
import './generated/tfjs-gradients.js';
