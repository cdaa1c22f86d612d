#include <string>

#include "match/backtracking.h"
#include "match/regex.h"
#include "support/catch.h"

using namespace policymux;

namespace {

enum class Case { ignored, sensitive };

std::string searched(std::string_view pattern, std::string_view value, Case letter_case = Case::ignored) {
  const auto parsed = Pattern::parse(pattern, letter_case == Case::sensitive);
  if (!parsed) return parsed.error();
  switch (parsed->search(value)) {
    case Found::no: return "no";
    case Found::yes: return "yes";
    case Found::gave_up: return "gave up";
  }
  return {};
}

}  // namespace

TEST_CASE("the value is searched for the regular expression, anywhere in it, in any letter case") {
  struct Row {
    std::string_view pattern, value, want;
  };
  static constexpr Row rows[] = {
      {"foo@bar.com", "Foo@Bar.Com", "yes"},
      {"foo@bar.com", "foo@barXcom", "yes"},
      {"@bar.com", "x@bar.com.evil.org", "yes"},
      {"trap@", "spamtrap@example.org", "yes"},
      {"(sales|contact)@bar.com", "CONTACT@bar.com", "yes"},
      {"(sales|contact)@bar.com", "info@bar.com", "no"},
      {"(.dynamic.|.dhcp.)", "a.dynamic.b", "yes"},
      {"^foo", "a foo", "no"},
      {"foo$", "foo bar", "no"},
      {"^$", "", "yes"},
      {"", "anything", "yes"},
      {"x*", "", "yes"},
      {"a.c", "a\xc3\xa9" "c", "yes"},
      {"\xc3\xa9", "\xc3\x89", "yes"},
      {"^.$", "\xc3\xa9", "yes"},
      {"[\xc3\xa0-\xc3\xbc]", "\xc3\xa9", "yes"},
      {"\\xe9", "\xc3\xa9", "yes"},
      {"a{,2}b", "b", "yes"},
      {"a\\Z", "a", "yes"},
      // Values that are not UTF-8: bytes.
      {"foo", "\xff" "FOO", "yes"},
      {"^.foo", "\xff" "foo", "yes"},
      {"\xc3\xa9", "\xff\xc3\xa9", "yes"},
      {"\xc3\xa9", "\xff\xc3\x89", "no"},
      {"\\xe9", "\xe9", "yes"},
      {"\\xe9", "\xc9", "no"},
      {"\\u1234", "\xff", "no"},
      {"\\u1234|a", "\xff" "a", "no"},
      // RE2 missed this one: see linear.h.
      {"\xc3\xa9|\xc3\xa9@", "\xff\xc3\xa9", "yes"},
      {"^\xff(?:\xc3\xa9|\xc3\xa9@)$", "\xff\xc3\xa9@", "yes"},
      // Patterns that are not: bytes always, and letter case counts.
      {"\xe9", "\xe9", "yes"},
      {"\xe9" "a", "\xe9" "A", "no"},
      {"\xa9", "\xc3\xa9", "yes"},
      // A constant is the same in the engine as in a hash table: ASCII alone is folded.
      {"^kate$", "KATE", "yes"},
      {"^kate$", "\xe2\x84\xaa" "ate", "no"},
      {"k+ate", "\xe2\x84\xaa" "ate", "yes"},
  };
  for (const auto& [pattern, value, want] : rows) {
    CAPTURE(pattern, value);
    CHECK(searched(pattern, value) == want);
  }
  CHECK(searched("foo", "FOO", Case::sensitive) == "no");
  CHECK(searched("(?i)foo", "FOO", Case::sensitive) == "yes");
  CHECK(searched("f(?i:o)o", "fOo", Case::sensitive) == "yes");
  CHECK(searched("f(?-i:o)o", "FOO") == "no");
  CHECK(searched(std::string_view{"a\0b", 3}, std::string_view{"xa\0b", 4}) == "yes");
}

TEST_CASE("back-references and look-around are compiled by a backtracking engine with a limit on its work") {
  struct Row {
    std::string_view pattern, value, want;
  };
  static constexpr Row rows[] = {
      {"^(.+)@\\1$", "foo@foo", "yes"},
      {"^(.+)@\\1$", "foo@bar", "no"},
      {"^(?P<a>\\w+)@(?P=a)\\.", "FOO@foo.org", "yes"},
      {"foo(?!bar)", "foobar", "no"},
      {"foo(?!bar)", "foobaz", "yes"},
      {"(?<=@)bar", "@BAR", "yes"},
      {"a++b", "aab", "yes"},
      {"(?>a+)ab", "aaab", "no"},
      {"^a{1001}$", "a", "no"},
      {"(?=foo)", "\xff" "foo", "yes"},
      {"(\xe9)\\1", "\xe9\xe9", "yes"},
      {"(?=x)$", "x", "no"},
  };
  for (const auto& [pattern, value, want] : rows) {
    CAPTURE(pattern, value);
    CHECK(searched(pattern, value) == want);
    CHECK(Pattern::parse(pattern, false)->engine() == Engine::backtracking);
  }
  CHECK(Pattern::parse("(a+)+$", false)->engine() == Engine::linear);
  CHECK(searched("(a+)+$", std::string(5000, 'a') + "b") == "no");
  // "passed: UNKNOWN"
  CHECK(searched("^(a+)+\\1?$", std::string(5000, 'a') + "b") == "gave up");
  CHECK(searched("(?=(a+)+[bc])", std::string(60'000, 'a')) == "gave up");
}

TEST_CASE("the backtracking engine's steps are limited from each place of the value, and from all together") {
  for (const std::size_t size : {0u, 1u, 99u, 100u, 254u, 2'048u, 65'536u}) {
    CAPTURE(size);
    CHECK(Backtracker::step_limit(size) <= Backtracker::most_steps_from_a_place);
    CHECK(Backtracker::step_limit(size) * (size + 1) <= Backtracker::most_steps);
    CHECK(Backtracker::step_limit(size) >= 1);
  }
  CHECK(Backtracker::step_limit(99) == Backtracker::most_steps_from_a_place);
  // From no place are these more than 10,000 steps, but there are many places.
  const std::string_view pattern = "(?=.)(a+)+[bc]";
  std::string blocks;
  for (int i = 0; i < 10; ++i) blocks += "aaaaaaaaa!";
  CHECK(searched(pattern, blocks) == "no");
  for (int i = 0; i < 7; ++i) blocks += blocks;
  CHECK(searched(pattern, blocks) == "gave up");
  // Constants, references and single characters are steps, too.
  for (const std::string_view hard :
       {"(?=.)a*a*a*a*a*[bc]", "(.*)(.*)(.*)\\1[!]", "(?:a?){30}(?=b)[bc]", "((?=a)a|aa)+[bc]"}) {
    CAPTURE(hard);
    CHECK(searched(hard, std::string(20'000, 'a') + "!") == "gave up");
  }
}

TEST_CASE("which engine a pattern needs is known without compiling it, if it is not large") {
  for (const std::string_view pattern : {"a", "(a+)+$", "x{999}", "(.)\\1", "a(?!b)", "((a{10}){20}){20}",
                                         "(x{100}){9}", "^a{1001}$", "[\xc3\xa0-\xe2\x82\xac]{1000}"}) {
    CAPTURE(pattern);
    CHECK(engine_of(pattern, false) == Pattern::parse(pattern, false)->engine());
  }
}

TEST_CASE("a pattern that cannot be compiled says why, and one that is too long is none") {
  CHECK(searched("(foo", "") == "missing ), unterminated group '(foo'");
  CHECK(searched("(?<=a+)b", "").find("lookbehind") != std::string::npos);
  CHECK(searched(std::string(32'769, 'a'), "") == "longer than 32768 bytes");
  CHECK(searched(std::string(32'768, 'a'), "") == "no");
  CHECK(searched(std::string(10'000, '(') + std::string(10'000, ')'), "") != "gave up");
  // Too large for the linear engine: the other one takes it.
  CHECK(Pattern::parse("((a{10}){20}){20}", false)->engine() == Engine::backtracking);
}

TEST_CASE("an anchored constant is only another way to write its text") {
  CHECK(Pattern::parse("^foo@bar\\.com$", false)->constant() == "foo@bar.com");
  CHECK(Pattern::parse("\\AFoo\\Z", true)->constant() == "Foo");
  CHECK_FALSE(Pattern::parse("^foo@bar.com$", false)->constant());
  CHECK_FALSE(Pattern::parse("foo$", false)->constant());
  CHECK_FALSE(Pattern::parse("^\xc3\xa9$", false)->constant());
}

TEST_CASE("a quoted text matches itself and nothing else") {
  std::string all;
  for (int c = 1; c < 256; ++c) all += static_cast<char>(c);
  for (const auto& text :
       {std::string{"a.b*c\\d"}, std::string{"[x]"}, std::string{"m\xc3\xbcller"}, all, std::string{"\0", 1}}) {
    std::string whole = "^";
    whole += quote_pattern(text);
    whole += '$';
    CHECK(searched(whole, text, Case::sensitive) == "yes");
    CHECK(searched(whole, text + "x", Case::sensitive) == "no");
  }
  CHECK(searched(quote_pattern("a.b"), "axb") == "no");
  CHECK(searched(quote_pattern("x\xc3\x89y."), "-X\xc3\x89Y.-") == "yes");
  CHECK(searched(quote_pattern("x\xc3\x89y."), "x\xc3\xa9y.") == "no");
}

TEST_CASE("a glob is a pattern over the whole value") {
  struct Row {
    std::string_view glob, value, want;
  };
  static constexpr Row rows[] = {
      {"*@bar.com", "foo@bar.com", "yes"},
      {"*@bar.com", "foo@barXcom", "no"},
      {"*@bar.com", "foo@bar.com.evil", "no"},
      {"fo?", "foo", "yes"},
      {"fo?", "fo", "no"},
      {"fo?", "fo\xc3\xa9", "yes"},
      {"[a-c]x", "Bx", "yes"},
      {"FO\xc3\x89*", "fo\xc3\x89x", "yes"},  // of letters beyond ASCII the case counts
      {"FO\xc3\x89*", "fo\xc3\xa9x", "no"},
      {"a[*]", "a*", "yes"},
      {"a[*]", "ab", "no"},
      {"[[][?]", "[?", "yes"},
      {"[!a-c]x", "bx", "no"},
      {"[!a-c]x", "dx", "yes"},
      {"[]x]", "]", "yes"},
      {"[!]]", "]", "no"},
      {"[a^]", "^", "yes"},
      {"[^a]", "^", "yes"},
      {"a-]", "a-]", "yes"},
      {"*", "", "yes"},
  };
  for (const auto& [glob, value, want] : rows) {
    CAPTURE(glob, value);
    const auto pattern = glob_pattern(glob);
    REQUIRE(pattern);
    CHECK(searched(*pattern, value) == want);
  }
  CHECK(glob_pattern("a[b").error() == "unterminated character set '[b'");
  CHECK(glob_pattern("[z-a]").error() == "bad character range 'z-a'");
}
