#include "match/shape.h"

#include "support/catch.h"

using namespace policymux;

TEST_CASE("a pattern that is a text has its shape") {
  using Kind = Shape::Kind;
  struct Case {
    std::string_view pattern;
    Kind kind;
    std::string_view text;
  };
  static constexpr Case cases[] = {
      {"^foo@bar\\.com$", Kind::exact, "foo@bar.com"},
      {"\\Afoo\\Z", Kind::exact, "foo"},
      {"^foo@bar[.]com$", Kind::exact, "foo@bar.com"},
      {"^$", Kind::exact, ""},
      {"^root@", Kind::prefix, "root@"},
      {"@bar\\.com$", Kind::suffix, "@bar.com"},
      {"trap@", Kind::substring, "trap@"},
      {"Foo", Kind::substring, "Foo"},
      {"a\\\\Z", Kind::substring, "a\\Z"},
      {"a\\$", Kind::substring, "a$"},
      {"^a b$", Kind::exact, "a b"},
      {"foo@bar.com", Kind::none, ""},
      {"^a+$", Kind::none, ""},
      {"a|b", Kind::none, ""},
      {"(a)", Kind::none, ""},
      {"a{2}", Kind::none, ""},
      {"[ab]", Kind::none, ""},
      {"[^]", Kind::none, ""},
      {"[.]*", Kind::none, ""},
      {"\\d", Kind::none, ""},
      {"\\1", Kind::none, ""},
      {"^", Kind::none, ""},
      {"$", Kind::none, ""},
      {"", Kind::none, ""},
      {"a$b", Kind::none, ""},
      {"a^", Kind::none, ""},
      {"a\\", Kind::none, ""},
      {"\xc3\xa9", Kind::none, ""},
      {"a]", Kind::none, ""},
  };
  for (const auto& [pattern, kind, text] : cases) {
    CAPTURE(pattern);
    const auto shape = shape_of(pattern);
    CHECK(shape.kind == kind);
    CHECK(shape.text == text);
  }
}

TEST_CASE("a pattern may be a head and a text behind it, at the end of the value") {
  struct Case {
    std::string_view pattern, head, text;
  };
  static constexpr Case cases[] = {
      {"^(info|sales)[0-9]*@a\\.example$", "^(info|sales)[0-9]*$", "@a.example"},
      {"(dsl|dyn)[0-9-]+\\.isp[.]net\\Z", "(dsl|dyn)[0-9-]+$", ".isp.net"},
      {".*Foo$", ".*$", "Foo"},
      {"\\d+x\\z", "\\d+$", "x"},
      {"(?:^|\\.)x$", "(?:^|\\.)$", "x"},
      {"(a(b|c)[)$]d)e$", "(a(b|c)[)$]d)$", "e"},
      {"[]x]y$", "[]x]$", "y"},
      {"[^]x]y$", "[^]x]$", "y"},
      {"[\\]x]y$", "[\\]x]$", "y"},
      {"a{2}bc$", "a{2}$", "bc"},
      {"a{b}c$", "a{b}$", "c"},
      {"a+?bc$", "a+?$", "bc"},
      {"\xc3\xa9" "a$", "\xc3\xa9$", "a"},
      {"^a$", "^$", "a"},
      {"a^b$", "a^$", "b"},
  };
  for (const auto& [pattern, head, text] : cases) {
    CAPTURE(pattern);
    const auto tail = tail_of(pattern);
    REQUIRE(tail);
    CHECK(tail->head == head);
    CHECK(tail->text == text);
  }
  for (const auto* const pattern : {"", "$", "a", "a+$", "ab*$", "(a)$", "a|b$", "x\\.(a|b)$", "a$b$", "(a$|b)c$", "\\bfoo$",
                                    "(\\b|x)foo$", "\\x41b$", "\\u0041b$", "(.)\\1a$", "(?i)x.a$", "(?x)x. a$", "(?=x).a$",
                                    "(?P<n>x)a$", "x.\\$", "[a$", ".a\\"}) {
    CAPTURE(pattern);
    CHECK_FALSE(tail_of(pattern));
  }
}
