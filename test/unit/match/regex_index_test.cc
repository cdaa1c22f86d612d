#include <algorithm>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "match/literal_index.h"
#include "match/regex.h"
#include "support/catch.h"

using namespace policymux;

namespace {

RegexIndex index_of(const std::vector<std::string>& patterns, bool case_sensitive = false) {
  RegexIndex::Builder builder{case_sensitive};
  for (std::uint32_t id = 0; id < patterns.size(); ++id) builder.add(patterns[id], id);
  auto index = std::move(builder).build();
  REQUIRE(index);
  return *std::move(index);
}

struct Answer {
  IdList found, gave_up;
  bool operator==(const Answer&) const = default;
};

Answer asked(const RegexIndex& index, std::string_view value) {
  Answer answer;
  index.find(value, answer.found, answer.gave_up);
  std::sort(answer.found.begin(), answer.found.end());
  return answer;
}

// The referee: every pattern by itself.
Answer asked(const std::vector<Pattern>& patterns, std::string_view value) {
  Answer answer;
  for (std::uint32_t id = 0; id < patterns.size(); ++id) {
    const auto found = patterns[id].search(value);
    if (found == Found::yes) answer.found.push_back(id);
    if (found == Found::gave_up) answer.gave_up.push_back(id);
  }
  return answer;
}

}  // namespace

TEST_CASE("many patterns are searched in one pass") {
  const auto index =
      index_of({"foo@bar.com", "@bar\\.com$", "trap@", "(sales|contact)@", "^[0-9]+@", "x", "(.)\\1\\1", "\xe9"});
  CHECK(asked(index, "FOO@bar.com") == Answer{{0, 1}, {}});
  CHECK(asked(index, "trap@trap@example.org") == Answer{{2, 5}, {}});
  CHECK(asked(index, "123@example.org") == Answer{{4, 5}, {}});
  CHECK(asked(index, "contact@aaa") == Answer{{3, 6}, {}});
  CHECK(asked(index,
              "\xff"
              "contact@\xe9") == Answer{{3, 7}, {}});
  CHECK(asked(index, "") == Answer{});
  CHECK(asked(RegexIndex{}, "anything") == Answer{});
}

TEST_CASE("a pattern whose work limit is passed is told apart") {
  const auto index = index_of({"^(a+)+\\1?$", "b$"});
  CHECK(asked(index, std::string(5000, 'a') + "b") == Answer{{1}, {0}});
}

TEST_CASE("a long value is searched only while its bytes times the sizes of the patterns stay within the limit") {
  // By a set that a text leads to, by one that is always run, by a pattern that is run alone: 1,001 states each.
  for (const std::string pattern : {"first.{996}", "[xy].{1000}", "\xff.{1000}"}) {
    CAPTURE(pattern);
    const auto index = index_of({pattern, "first"});
    const auto longest = RegexIndex::most_steps / 1001;
    const auto value = [](std::size_t size) { return "x\xff" "first" + std::string(size - 7, 'a'); };
    CHECK(asked(index, value(RegexIndex::always_searched)) == Answer{{0, 1}, {}});
    CHECK(asked(index, value(longest)) == Answer{{0, 1}, {}});
    CHECK(asked(index, value(longest + 1)) == Answer{{1}, {0}});
  }
}

TEST_CASE("what an SMTP command can hold is searched for whatever patterns there are") {
  std::vector<std::string> patterns;
  for (char a = 'a'; a <= 'z'; ++a)
    for (char b = 'a'; b <= 'z'; ++b) patterns.push_back(std::string{a} + ".{20}.*" + b);
  const auto index = index_of(patterns);
  const auto value = [](std::size_t size) { return "a" + std::string(size - 2, ' ') + "z"; };
  CHECK(asked(index, value(RegexIndex::always_searched)) == Answer{{25}, {}});
  const auto beyond = asked(index, value(60'000));  // 676 patterns of 23 states each
  CHECK(beyond.found.empty());
  CHECK(beyond.gave_up.size() == patterns.size());
}

TEST_CASE("an index knows how many of its patterns need the backtracking engine") {
  CHECK(index_of({"a", "(.)\\1", "^b", "x(?=y)", "[ab]c"}).backtracking() == 2);
  CHECK(RegexIndex{}.backtracking() == 0);
}

TEST_CASE("a long s and a Kelvin sign are letters to an engine that ignores case, and not to a constant") {
  const auto index = index_of({"desk.*x", "desk"});
  CHECK(asked(index, "DESK x") == Answer{{0, 1}, {}});
  CHECK(asked(index, "de\xc5\xbf\xe2\x84\xaa x") == Answer{{0}, {}});
}

TEST_CASE("sets that would take too much memory are split, down to single patterns") {
  // Each of these programs takes about a third of what a set may have.
  std::vector<std::string> patterns;
  for (const char c : {'a', 'b', 'c', 'd', 'e'})
    patterns.push_back(std::string("name") + c + "[\xc3\xa0-\xe2\x82\xac]{900}(?:[\xc3\xa0-\xe2\x82\xac]{900})?$");
  patterns.push_back("((x{50}){20}){20}");
  const auto index = index_of(patterns);
  std::string tail;
  for (int i = 0; i < 900; ++i) tail += "\xc3\xa9";
  CHECK(asked(index, "namec" + tail) == Answer{{2}, {}});
  CHECK(asked(index, "namee" + tail + tail) == Answer{{4}, {}});
  CHECK(asked(index, "namee" + tail + "x") == Answer{});
}

TEST_CASE("random patterns and values: the index answers like each pattern by itself") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  static constexpr std::string_view pieces[] = {
      "a",     "b",        "k",           "S",       "ab",      "Ks",       "abc",    "@ab",      "\\.",
      ".",     ".*",       "[ab]",        "[^a]",    "(a|b)",   "(ab|ks@)", "(abc|)", "(?:abk)?", "a*",
      "b+",    "s{2}",     "(?:ab){0,2}", "(?:sk)+", "^",       "$",        "\\b",    "\\w",      "\\W",
      "\\x41", "\xc3\xa9", "|",           "(?i:A)",  "(?-i:a)", "(?=a)",    "(?!ab)", "(.)\\1",   "@"};
  static constexpr std::string_view letters[] = {"a",
                                                 "b",
                                                 "k",
                                                 "s",
                                                 "A",
                                                 "B",
                                                 "K",
                                                 "S",
                                                 "@",
                                                 ".",
                                                 "ab",
                                                 "abc",
                                                 "sk",
                                                 "\xc3\xa9",
                                                 "\xc3\x89",
                                                 "\xc5\xbf",
                                                 "\xe2\x84\xaa",
                                                 "\xff",
                                                 "\xe9"};
  const auto text_of = [&](auto& from, std::size_t longest) {
    std::string text;
    for (auto n = random() % (longest + 1); n > 0; --n) text += from[random() % std::size(from)];
    return text;
  };
  for (int round = 0; round < 150; ++round) {
    const bool case_sensitive = round % 3 == 0;
    std::vector<std::string> texts;
    std::vector<Pattern> patterns;
    for (std::size_t n = 1 + random() % 120; n > 0; --n) {
      auto text = text_of(pieces, 6);
      auto pattern = Pattern::parse(text, case_sensitive);
      if (!pattern) continue;
      texts.push_back(std::move(text));
      patterns.push_back(*std::move(pattern));
    }
    const auto index = index_of(texts, case_sensitive);
    for (int i = 0; i < 60; ++i) {
      const auto value = text_of(letters, 12);
      const auto want = asked(patterns, value), got = asked(index, value);
      if (want == got) continue;
      IdList differing;
      std::set_symmetric_difference(want.found.begin(), want.found.end(), got.found.begin(), got.found.end(),
                                    std::back_inserter(differing));
      const auto culprit = differing.empty() ? std::string{"(gave up)"} : texts[differing.front()];
      CAPTURE(value, culprit);
      REQUIRE(want == got);
    }
  }
}

TEST_CASE("patterns that differ in what they end with are found like each by itself") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  const auto one_of = [&](const auto& all) { return std::string{all[random() % std::size(all)]}; };
  static constexpr std::string_view heads[] = {"^(info|ks)[0-9]*",  "(dsl|dyn)[0-9-]+", ".*", "^\xc3\xa9*", "[^@]s?", "\\w",
                                               "(?:^|\\.)sk", "k{2}", "^"};
  static constexpr std::string_view before[] = {"info", "ks7", "x.dyn1-", "", "\xc3\xa9", "\xc3\x89", "\xff", "sk", ".sk",
                                                "kk", "\xe2\x84\xaaK", "\xc5\xbf", "ask", "@"};
  static constexpr std::string_view behind[] = {"", "", "", "", "x", ".", "\xff"};
  std::vector<std::string> tails;
  for (int n = 0; n < 30; ++n) tails.push_back("@Desk" + std::to_string(n % 20) + (n % 3 == 0 ? ".sk" : ".example"));
  for (const bool case_sensitive : {false, true}) {
    std::vector<std::string> texts;
    std::vector<Pattern> patterns;
    for (int n = 0; n < 300; ++n) {
      texts.push_back(one_of(heads) + quote_pattern(one_of(tails)) + "$");
      patterns.push_back(*Pattern::parse(texts.back(), case_sensitive));
    }
    const auto index = index_of(texts, case_sensitive);
    int found = 0;
    for (int n = 0; n < 3000; ++n) {
      auto value = one_of(before) + one_of(tails) + one_of(behind);
      for (const auto& [letter, other] : {std::pair{'s', "\xc5\xbf"}, std::pair{'k', "\xe2\x84\xaa"}, std::pair{'D', "d"}}) {
        const auto at = value.find(letter);
        if (at != std::string::npos && random() % 4 == 0) value.replace(at, 1, other);
      }
      CAPTURE(value);
      const auto want = asked(patterns, value);
      found += want.found.empty() ? 0 : 1;
      REQUIRE(asked(index, value) == want);
    }
    CHECK(found > 100);
  }
}

TEST_CASE("a filter finds every text wherever it occurs") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  const auto word = [&](std::size_t least, std::size_t most) {
    std::string text;
    for (auto n = least + random() % (most - least + 1); n > 0; --n) text += "abc@"[random() % 4];
    return text;
  };
  for (int round = 0; round < 100; ++round) {
    std::vector<std::string> texts;
    LiteralIndex::Builder builder;
    for (std::uint32_t i = 0; i < random() % 50; ++i) {
      texts.push_back(word(2, 7));
      builder.add(texts.back(), i);
    }
    const auto index = std::move(builder).build();
    for (int i = 0; i < 50; ++i) {
      const auto value = word(0, 15);
      IdList want, got;
      for (std::uint32_t id = 0; id < texts.size(); ++id)
        for (auto at = value.find(texts[id]); at != value.npos; at = value.find(texts[id], at + 1)) want.push_back(id);
      const auto padded = value + "ab@";  // what lies behind the value does not count
      index.find(std::string_view{padded}.substr(0, value.size()), [&](std::uint32_t id) { got.push_back(id); });
      std::sort(got.begin(), got.end());
      CAPTURE(value);
      REQUIRE(got == want);
    }
  }
}
