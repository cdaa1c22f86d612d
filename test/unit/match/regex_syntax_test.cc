#include "match/regex_syntax.h"

#include <algorithm>

#include "support/catch.h"

using namespace policymux;

namespace {

std::string translated(std::string_view pattern, Dialect dialect) {
  const auto translation = translate(pattern, dialect);
  if (!translation) return "error: " + translation.error();
  return (translation->backtracking ? "backtracking: " : "") + translation->text;
}

std::string required(std::string_view pattern) {
  const auto translation = translate(pattern, {});
  REQUIRE(translation);
  std::string out;
  for (const auto& text : translation->required) out += (out.empty() ? "" : " ") + text;
  return out;
}

}  // namespace

TEST_CASE("what Python writes differently is said in the engines' words") {
  struct Case {
    std::string_view pattern, want;
  };
  static constexpr Case cases[] = {
      {"a.b", "a.b"},
      {"a\\.b|c+", "a\\.b|c+"},
      {"a{2}b{2,}c{,3}d{2,3}e{,}", "a{2,2}b{2,}c{0,3}d{2,3}e{0,}"},
      {"a{}b{x}c{1", "a\\{\\}b\\{x\\}c\\{1"},
      {"a*?b+?c??d{2}?", "a*?b+?c??d{2,2}?"},
      {"(a)(?:b)(?P<n>c)", "(?:a)(?:b)(?:c)"},
      {"a(?#comment)b+", "ab+"},
      {"x+\\Z", "x+\\z"},
      {"^a+$", "^a+$"},
      {"\\Aa+\\bb\\B", "\\Aa+\\bb\\B"},
      {"\\d\\D\\w\\W+", "\\d\\D\\w\\W+"},
      {"\\s+", "[\\x{9}-\\x{d}\\x{20}]+"},
      {"[\\s,]", "[\\x{9}-\\x{d}\\x{20}\\,]"},
      {"\\x41\\101\\0+", "AA\\x{0}+"},
      {"\\u00e9\\xe9+", "\\x{e9}\\x{e9}+"},
      {"\\n\\t+", "\\x{a}\\x{9}+"},
      {"\\_\\@\\-\\%+", "_\\@\\-\\%+"},
      {"[]a]", "[\\]a]"},
      {"[^]a]", "[^\\]a]"},
      {"[[:alpha:]]", "[\\[\\:alpha\\:]\\]"},
      {"[a\\-z-]", "[a\\-z\\-]"},
      {"[a-z0-9._-]+", "[a-z0-9\\._\\-]+"},
      {"[\\b\\1]", "[\\x{8}\\x{1}]"},
      {"[\xc3\xa0-\xc3\xbc]", "[\\x{e0}-\\x{fc}]"},
      {"\xc3\xbc+", "\\x{fc}+"},
      {"(?i)a+", "(?i)a+"},
      {"a+(?i)", "(?i)a+"},
      {"(?sm)a+", "a+"},
      {"(?aLu)a+", "a+"},
      {"(?i:a)(?-i:b)(?s-i:c)(?u:d)", "(?i:a)(?-i:b)(?-i:c)(?:d)"},
      {"(?x) a b # c\n [ #] \\  +", "ab[\\ \\#]\\ +"},
      {"(?x:a b) c+", "(?:ab)\\ c+"},
      {"(?x)a(?-x: b)+", "a(?:\\ b)+"},
      {"a)", "error: unbalanced parenthesis at ')'"},
      {"(a", "error: missing ), unterminated group '(a'"},
      {"[a", "error: unterminated character set '[a'"},
      {"[a\\", "error: unterminated character set '[a\\'"},
      {"[]", "error: unterminated character set '[]'"},
      {"*a", "error: nothing to repeat at '*a'"},
      {"a|+", "error: nothing to repeat at '+'"},
      {"(?:*)", "error: nothing to repeat at '*)'"},
      {"^*", "error: nothing to repeat at '*'"},
      {"a**", "error: multiple repeat at '*'"},
      {"a{2}{3}", "error: multiple repeat at '{3}'"},
      {"a{3,2}", "error: the first number is larger than the second: '{3,2}'"},
      {"a{65536}", "error: too many repetitions: '{65536}'"},
      {"a{99999999999999999999}", "error: too many repetitions: '{99999999999999999999}'"},
      {"[z-a]", "error: bad character range 'z-a'"},
      {"[\\w-.]", "error: bad character range '\\w-.'"},
      {"\\q", "error: bad escape '\\q'"},
      {"\\Qa\\E", "error: bad escape '\\Q'"},
      {"\\pL", "error: bad escape '\\p'"},
      {"\\C", "error: bad escape '\\C'"},
      {"[\\A]", "error: bad escape '\\A'"},
      {"\\x4", "error: bad escape '\\x4'"},
      {"\\x{41}", "error: bad escape '\\x{4'"},
      {"\\ud800", "error: bad escape '\\ud800'"},
      {"a\\", "error: bad escape at the end: '\\'"},
      {"\\777", "error: octal escape beyond \\377: '\\777'"},
      {"\\1", "error: no such group: '\\1'"},
      {"(a)\\2", "error: no such group: '\\2'"},
      {"(?P=n)", "error: unknown group name 'n'"},
      {"(?P<n>a)(?P<n>b)", "error: group name 'n' is used twice"},
      {"(?P<1>a)", "error: bad group name '1'"},
      {"(?P<n", "error: bad group name at '(?P<n'"},
      {"(?<n>a)", "error: unknown extension '(?<'"},
      {"(?P>n)", "error: unknown extension '(?P'"},
      {"(?R)", "error: unknown extension '(?R'"},
      {"(?", "error: unknown extension '(?'"},
      {"(?#a", "error: missing ), unterminated comment '(?#a'"},
      {"(*ACCEPT)", "error: nothing to repeat at '*ACCEPT)'"},
      {"(a)\\1", "backtracking: (a)\\g{1}"},
      {"(?P<n>a)(?P=n)", "backtracking: (?P<n>a)(?P=n)"},
      {"(a)(?(1)b|c)", "backtracking: (a)(?(1)b|c)"},
      {"(?P<n>a)(?(n)b)", "backtracking: (?P<n>a)(?(<n>)b)"},
      {"(?=a)(?!b)(?<=c)(?<!d)", "backtracking: (?=a)(?!b)(?<=c)(?<!d)"},
      {"(?>a)", "backtracking: (?>a)"},
      {"a++b*+c?+", "backtracking: a++b*+c?+"},
      {"(a)+(?=b)", "backtracking: (a)+(?=b)"},
      {"a{1001}", "backtracking: a{1001,1001}"},
  };
  for (const auto& [pattern, want] : cases) {
    CAPTURE(pattern);
    CHECK(translated(pattern, {.case_sensitive = true}) == want);
  }
}

TEST_CASE("letter case is ignored unless told otherwise, bytewise only in patterns that are pure ASCII") {
  CHECK(translated("a+", {}) == "(?i)a+");
  CHECK(translated("a+", {.case_sensitive = true}) == "a+");
  CHECK(translated("\xc3\xa9+", {}) == "(?i)\\x{e9}+");
  CHECK(translated("a+", {.utf8 = false}) == "(?i)a+");
  CHECK(translated("\xc3\xa9+", {.utf8 = false}) == "\\x{c3}\\x{a9}+");
  CHECK(translated("(?i:a)\\xe9+", {.utf8 = false}) == "(?:a)\\x{e9}+");
  CHECK(translate("a\\u1234+", {.utf8 = false})->wide);
  CHECK_FALSE(translate("a\\u1234+", {})->wide);
}

TEST_CASE("every match contains one of the required texts") {
  struct Case {
    std::string_view pattern, want;
  };
  static constexpr Case cases[] = {
      {"(sales|contact)@bar.com", "contact sales"},
      {"(.dynamic.|.dhcp.)", "dhcp dynamic"},
      {"FOO@bar\\.com", "foo@bar.com"},
      {"ab+c", "ab"},
      {"abx*cde", "cde"},
      {"abx?cd", "ab"},
      {"a(?:bcd)*e", "a"},
      {"a(?:bcd)+e", "bcd"},
      {"a(?:bcd){0,2}", "a"},
      {"(foo|b*)", ""},
      {"(foo|)x", "x"},
      {"foo|bar", "bar foo"},
      {"foo|.", ""},
      {"abc(?=def)gh", "abc"},
      {"(?!abc)de", "de"},
      {"(?#abc)de", "de"},
      {"[abc]def", "def"},
      {"a\\x62c.", "abc"},
      {"^ab$c", "abc"},
      {"\xc3\xa9" "ab", "ab"},
      {"a{2}b", "a"},
      {".*", ""},
      {"(a)(b)", "a"},
      {"", ""},
      {"(?x)a b c.", "abc"},
  };
  for (const auto& [pattern, want] : cases) {
    CAPTURE(pattern);
    auto texts = required(pattern);
    if (const auto gap = texts.find(' ');
        gap != texts.npos && texts > texts.substr(gap + 1) + " " + texts.substr(0, gap))
      texts = texts.substr(gap + 1) + " " + texts.substr(0, gap);
    CHECK(texts == want);
  }
}

TEST_CASE("the size of a pattern is what it may match one after the other, as often as it is repeated") {
  struct Row {
    std::string_view pattern;
    std::uint64_t size;
  };
  static constexpr Row rows[] = {
      {"", 0}, {"^$", 0}, {"abc", 3}, {"a[bc].", 3}, {"a*", 1}, {"a{3}", 3}, {"a{2,5}b", 6}, {"a{7,}", 7}, {"a{0}", 1},
      {"(ab|c)+d", 4}, {"(ab){3}", 6}, {"((a{10}){20}){20}", 4000}, {"(?:x{50}y){20}?", 1020}, {"(?=ab)c", 3},
      {"(((a{1000}){1000}){1000}){1000}", std::uint64_t{1} << 32},
  };
  for (const auto& [pattern, size] : rows) {
    CAPTURE(pattern);
    CHECK(translate(pattern, {})->size == size);
  }
}
