#include "rule/lexer.h"

#include <string>
#include <vector>

#include "load_helper.h"

using namespace policymux;

namespace {

struct Lexed {
  std::vector<std::string> lines;
  std::string errors;
};

Lexed lex(std::string text) {
  Report report;
  LineReader reader{report, report.add_file("policy.conf", std::move(text))};
  Lexed out;
  for (SourceLine line; reader.next(line);) out.lines.emplace_back(line.text);
  out.errors = told(report.take());
  return out;
}

// The words of the first line.
Lexed words(std::string text) {
  Report report;
  LineReader reader{report, report.add_file("policy.conf", std::move(text))};
  SourceLine line;
  REQUIRE(reader.next(line));
  WordReader words{report, line};
  Lexed out;
  while (const auto word = words.next()) out.lines.push_back(word->text);
  out.errors = told(report.take());
  return out;
}

using Strings = std::vector<std::string>;

}  // namespace

TEST_CASE("'#' or ';' as the first printing character makes a comment") {
  CHECK(lex("# a\n; b\n  # c\n\t; d\nacl x # no comment\n").lines == Strings{"acl x # no comment"});
}

TEST_CASE(
    "a line that begins with blank space continues the one before it, unless its first word is a statement keyword") {
  struct Case { std::string text; Strings lines; };
  const Case cases[] = {
      {"acl a\n b\n\tc\n", {"acl a b c"}},
      {"acl a\n  acl b\n  action c\n access d\n include e\n chain f\n",
       {"acl a", "acl b", "action c", "access d", "include e", "chain f"}},
      {"acl a\n aclx b\n", {"acl a aclx b"}},
      {"acl a\n \"acl\" b\n", {"acl a \"acl\" b"}},
      {"acl a  \t \n   b  \n", {"acl a b"}},
      {"acl a\nb\n", {"acl a", "b"}},
  };
  for (const auto& [text, lines] : cases) {
    CAPTURE(text);
    CHECK(lex(text).lines == lines);
  }
}

TEST_CASE("the parts are joined by one blank; comments and empty lines between them do not end the continuation") {
  CHECK(lex("acl a\n\n# c\n   ; d\n  \n  b\n\n").lines == Strings{"acl a b"});
}

TEST_CASE(
    "words are separated by blanks; double quotes keep blanks together; inside them, and only there, \\\" and \\\\ "
    "are escapes") {
  struct Case { std::string text; Strings words; };
  const Case cases[] = {
      {"a b\t c", {"a", "b", "c"}},
      {R"(a "b c" d)", {"a", "b c", "d"}},
      {R"("a \" b" "c \\ d")", {R"(a " b)", R"(c \ d)"}},
      {R"("a\.b" a\.b a\\b)", {R"(a\.b)", R"(a\.b)", R"(a\\b)"}},
      {R"(a\"b c")", {R"(a\b c)"}},
      {R"(key="a b"c)", {"key=a bc"}},
      {R"("" a "")", {"", "a", ""}},
      {"a\n \"b\n c\"", {"a", "b c"}},
  };
  for (const auto& [text, expected] : cases) {
    CAPTURE(text);
    const auto got = words(text);
    CHECK(got.lines == expected);
    CHECK(got.errors.empty());
  }
}

TEST_CASE("a quote that does not end is an error at its place, and the word is what there is") {
  const auto got = words("a \"b c");
  CHECK(got.lines == Strings{"a", "b c"});
  CHECK(got.errors == "1:3: error: this quote does not end\n");
}

TEST_CASE("line ends of DOS, a byte order mark and a last line without end are no mistakes") {
  const auto plain = load("acl a sender match=exact x\naccess a\n");
  for (const std::string_view text : {"acl a sender match=exact x\r\naccess a\r\n",
                                      "\xEF\xBB\xBF"
                                      "acl a sender match=exact x\naccess a",
                                      "acl a sender\r\n match=exact\r\n\tx\r\n\r\naccess a\r\n"}) {
    const auto policy = load(text);
    CHECK(values_of(policy) == values_of(plain));
    CHECK(policy.lines.size() == 1);
  }
}

TEST_CASE("a NUL is told once a file and its line is left out; other control characters are told each") {
  using namespace std::string_literals;
  CHECK(lex("a\0b\nc\0\nd\n"s).errors == "1:2: error: a NUL byte (is this a text file, in ASCII or UTF-8?)\n");
  CHECK(lex("a\0b\nc\0\nd\n"s).lines == Strings{"d"});
  CHECK(lex("# \0\n"s).errors == "1:3: error: a NUL byte (is this a text file, in ASCII or UTF-8?)\n");
  CHECK(lex("a\x01\nb\x7F\n# \x02\n").errors ==
        "1:2: error: a control character (0x01)\n2:2: error: a control character (0x7F)\n");
  CHECK(lex("a\rb\n").errors == "1:2: error: a control character (0x0D)\n");
}

TEST_CASE("lines are at most 1 MiB long, continued ones too, and reading goes on behind them") {
  const std::string longest(longest_line, 'x');
  CHECK(lex(longest + "\nb\n").lines.size() == 2);
  const auto longer = lex(longest + "x\nb\n");
  CHECK(longer.lines == Strings{"b"});
  CHECK(longer.errors == "1:1: error: this line is longer than 1 MiB\n");
  const auto joined =
      lex("a\n " + longest.substr(0, longest_line / 2) + "\n " + longest.substr(0, longest_line / 2) + "\nb\n");
  CHECK(joined.lines == Strings{"b"});
  CHECK(joined.errors == "1:1: error: this line and those that continue it are longer than 1 MiB\n");
}

TEST_CASE("places are those of the file, in continued lines too") {
  Report report;
  LineReader reader{report, report.add_file("policy.conf", "acl a\n\n   bb   c\n# x\n\td\n")};
  SourceLine line;
  REQUIRE(reader.next(line));
  REQUIRE(line.text == "acl a bb   c d");
  struct Case { std::size_t offset; int line, column; };
  for (const auto& [offset, at_line, column] :
       {Case{0, 1, 1}, {4, 1, 5}, {5, 1, 6}, {6, 3, 4}, {7, 3, 5}, {11, 3, 9}, {13, 5, 2}, {14, 5, 3}}) {
    CAPTURE(offset);
    CHECK(line.origin.place(offset).line == at_line);
    CHECK(line.origin.place(offset).column == column);
    CHECK(line.origin.from(offset).place(0).line == at_line);
    CHECK(line.origin.from(offset).place(0).column == column);
  }
  CHECK(line.origin.from(4).place(9).line == 5);
}

TEST_CASE("a long line is shown as far as it helps") {
  Report report;
  const auto file = report.add_file("policy.conf", std::string(1000, 'x') + "\n");
  report.error({file, 1, 5}, {"near"});
  report.error({file, 1, 900}, {"far"});
  const auto diagnostics = report.take();
  CHECK(diagnostics[0].source.size() == 400);
  CHECK(diagnostics[1].source.empty());
}

TEST_CASE("what is told is bounded, and the rest is counted") {
  Report report;
  const auto file = report.add_file("policy.conf", "x\n");
  for (int i = 0; i < 10'005; ++i) report.error({file, 1, 1}, {std::to_string(i)});
  report.warning({file, 1, 1}, {"still told"});
  const auto diagnostics = report.take();
  REQUIRE(diagnostics.size() == 10'002);
  CHECK(summary(diagnostics.back()) == "policy.conf: error: 5 more are not shown");
}
