#!/usr/bin/env node
// In the package from the start, so that installing links the command before anything is built.
import '../dist/main.js';
