import {conformance} from '../conformance/suite.ts';

conformance(4, 4);
