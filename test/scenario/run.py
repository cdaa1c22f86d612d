"""Runs the scenario tests and writes what became of them, as JSON, to the file given.

    run.py RESULT [MODULE...]      without modules: all of them

POLICYMUX names the binary, POLICYMUX_SANITIZED=1 says that it is a sanitized one.
"""
import json
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent


class Result(unittest.TextTestResult):
    """Counts tests, not sub-tests: a test with a failed part has failed, once."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1

    def outcome(self):
        def names(pairs):
            return sorted({getattr(test, "test_case", test).id() for test, _ in pairs})
        return {"passed": self.passed, "failed": names(self.failures + self.errors) + [
                    test.id() for test in self.unexpectedSuccesses],
                "skipped": [f"{test.id()}: {reason}" for test, reason in self.skipped]}


def main(result_file, *modules):
    sys.path.insert(0, str(HERE))
    loader = unittest.defaultTestLoader
    suite = loader.loadTestsFromNames(modules) if modules else loader.discover(str(HERE))
    result = unittest.TextTestRunner(resultclass=Result, verbosity=1).run(suite)
    pathlib.Path(result_file).write_text(json.dumps(result.outcome()))


if __name__ == "__main__":
    main(*sys.argv[1:])
