import {conformance} from '../conformance/suite.ts';

conformance(2, 4);
