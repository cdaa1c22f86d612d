#include "base/diagnostic.h"

#include "support/catch.h"

using namespace policymux;

TEST_CASE("an error names only the place that is known") {
  CHECK(to_string(Error{.text = "no"}) == "no");
  CHECK(to_string(Error{.file = "main.conf", .text = "no"}) == "main.conf: no");
  CHECK(to_string(Error{.file = "main.conf", .line = 3, .text = "no"}) == "main.conf:3: no");
  CHECK(to_string(Error{.file = "main.conf", .line = 3, .column = 7, .text = "no"}) == "main.conf:3:7: no");
}

// "`path:line:column: error: text`, with the line and a caret under the place, and a hint where one helps"
TEST_CASE("a mistake is shown with its line, a caret under the place and a hint") {
  const Diagnostic d{.what = {"p.conf", 12, 9, "unknown acl type 'sendr'"}, .source = "acl foo sendr x",
                     .hint = "did you mean 'sender'?"};
  CHECK(render(d) ==
        "p.conf:12:9: error: unknown acl type 'sendr' (did you mean 'sender'?)\n"
        "  acl foo sendr x\n"
        "          ^\n");
  CHECK(summary(d) == "p.conf:12:9: error: unknown acl type 'sendr' (did you mean 'sender'?)");
}

TEST_CASE("a warning without a source is one line") {
  const Diagnostic d{.severity = Severity::warning, .what = {"m.conf", 2, 0, "not built in yet"}};
  CHECK(render(d) == "m.conf:2: warning: not built in yet\n");
}

TEST_CASE("the caret keeps its place behind tabs, UTF-8 and unprintable bytes") {
  const auto shown = [](std::string source, int column) {
    const auto text = render({.what = {"f", 1, column, "x"}, .source = std::move(source)});
    return text.substr(text.find('\n') + 1);
  };
  CHECK(shown("a\tbc", 4) == "  a\tbc\n   \t ^\n");
  CHECK(shown("\xC3\xA9=1", 3) == "  \xC3\xA9=1\n   ^\n");
  CHECK(shown("\x01\xFFq", 3) == "  ??q\n    ^\n");
  CHECK(shown("ab", 3) == "  ab\n    ^\n");
  CHECK(shown("ab", 99) == "  ab\n    ^\n");
  CHECK(shown("ab", 0) == "  ab\n");
}

TEST_CASE("no control character of a file reaches a terminal or a log") {
  const Diagnostic d{.what = {"f\x1B", 1, 1, "bad \x1B[2J"}, .hint = "\n"};
  CHECK(summary(d) == "f?:1:1: error: bad ?[2J (?)");
}

TEST_CASE("warnings alone are no errors") {
  CHECK_FALSE(has_errors({}));
  CHECK_FALSE(has_errors({{.severity = Severity::warning}}));
  CHECK(has_errors({{.severity = Severity::warning}, {.severity = Severity::error}}));
}
