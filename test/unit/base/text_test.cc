#include "base/text.h"

#include <algorithm>

#include <random>

#include "support/catch.h"

using namespace policymux;
using namespace std::string_view_literals;

namespace {

std::string safe(std::string_view text) {
  std::string out;
  append_safe(out, text);
  return out;
}

}  // namespace

TEST_CASE("letters fold as ASCII only") {
  CHECK(to_lower("ÀBC-Z9[") == "Àbc-z9[");
  CHECK(to_upper("àbc-z9{") == "àBC-Z9{");
  CHECK(iequals("DuNNo", "dunno"));
  CHECK_FALSE(iequals("dunno", "dunn"));
  CHECK_FALSE(iequals("@", "`"));
}

TEST_CASE("lower_into folds like to_lower, whatever the length, and tells what is not ASCII") {
  std::string text;
  for (int c = 0; c < 256; ++c) {
    text.push_back(static_cast<char>(c));
    for (std::size_t from = text.size() - std::min<std::size_t>(text.size(), 20); from < text.size(); ++from) {
      const std::string_view piece = std::string_view{text}.substr(from);
      std::string out(piece.size() + 1, '#');
      const bool ascii = lower_into(out.data(), piece);
      std::string want{piece};
      std::ranges::transform(want, want.begin(), ascii_lower);
      CHECK(out == want + '#');
      CHECK(to_lower(piece) == want);
      CHECK(ascii == std::none_of(piece.begin(), piece.end(), [](char b) { return static_cast<signed char>(b) < 0; }));
    }
  }
}

TEST_CASE("find_last finds the last one") {
  CHECK(find_last("a@b@c", '@') == 3);
  CHECK(find_last("@", '@') == 0);
  CHECK(find_last("abc", '@') == std::string_view::npos);
  CHECK(find_last({}, '@') == std::string_view::npos);
}

TEST_CASE("trim takes blanks, tabs and CR off either end") {
  struct Case { std::string_view text, want; };
  static constexpr Case cases[] = {{"", ""}, {" \t\r", ""}, {"a", "a"}, {"\t a b \r", "a b"}, {"\na\n", "\na\n"}};
  for (const auto& [text, want] : cases) CHECK(trim(text) == want);
}

TEST_CASE("words are split at any separator and empty ones are left out") {
  using Words = std::vector<std::string_view>;
  CHECK(split_words("") == Words{});
  CHECK(split_words(" \t ") == Words{});
  CHECK(split_words(" one\ttwo  three ") == Words{"one", "two", "three"});
  CHECK(split_words("a,, b ,c", ", ") == Words{"a", "b", "c"});
  CHECK(split_words("a b", ",") == Words{"a b"});
}

TEST_CASE("a number is digits alone and fits") {
  struct Case { std::string_view text; std::optional<std::uint64_t> want; };
  static constexpr Case cases[] = {
      {"0", 0}, {"007", 7}, {"18446744073709551615", UINT64_MAX}, {"18446744073709551616", {}},
      {"", {}}, {"-1", {}}, {"+1", {}}, {" 1", {}}, {"1 ", {}}, {"1x", {}}, {"0x1", {}}, {"1.0", {}}};
  for (const auto& [text, want] : cases) { CAPTURE(text); CHECK(parse_number(text) == want); }
}

TEST_CASE("sizes count in powers of 1024") {
  struct Case { std::string_view text; std::optional<std::uint64_t> want; };
  static constexpr Case cases[] = {
      {"65536", 65536}, {"64K", 65536}, {"64k", 65536}, {"10M", 10485760}, {"1G", 1073741824}, {"0", 0},
      {"17179869183G", 18446744072635809792u}, {"17179869184G", {}}, {"K", {}}, {"", {}}, {"1KB", {}}, {"1 K", {}},
      {"-1K", {}}, {"1T", {}}};
  for (const auto& [text, want] : cases) { CAPTURE(text); CHECK(parse_size(text) == want); }
}

TEST_CASE("UTF-8 is what RFC 3629 allows") {
  struct Case { std::string_view text; bool want; };
  static constexpr Case cases[] = {
      {"", true}, {"plain ASCII, longer than eight bytes", true}, {"é", true}, {"日本語", true},
      {"\xF0\x9F\x93\xA7", true},
      {"\xEF\xBF\xBF", true}, {"\xF4\x8F\xBF\xBF", true},
      {"\x80", false}, {"eight888\x80", false}, {"\xC3", false}, {"\xC0\xAF", false}, {"\xC1\xBF", false},
      {"\xE0\x80\xAF", false}, {"\xED\xA0\x80", false}, {"\xF0\x80\x80\xAF", false}, {"\xF4\x90\x80\x80", false},
      {"\xF5\x80\x80\x80", false}, {"\xE3\x81", false}, {"\xF0\x9F\x93", false}, {"\xE3\x41\x81", false},
      {"\xFF", false}};
  for (const auto& [text, want] : cases) { CAPTURE(text); CHECK(is_utf8(text) == want); }
}

TEST_CASE("what is shown holds no control character and no broken UTF-8") {
  struct Case { std::string_view text, want; };
  static constexpr Case cases[] = {
      {"", ""}, {"plain", "plain"}, {"a\tb\r\nc\x7F", "a?b??c?"}, {"\0x"sv, "?x"}, {"\x1B[31m", "?[31m"},
      {"gr\xC3\xBC\xC3\x9F", "grüß"}, {"\xFCmlaut", "?mlaut"}, {"\xC2\x85\xC2\x9F\xC2\xA0", "??\xC2\xA0"},
      {"\xE2\x82", "??"}, {"\xED\xA0\x80", "???"}, {"\xC3\x41", "?A"}};
  for (const auto& [text, want] : cases) { CAPTURE(text); CHECK(safe(text) == want); }
}

TEST_CASE("whatever the bytes, what is shown is well-formed and safe stays as it is") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random{seed};
  static constexpr std::string_view alphabet = "a\n\x7F\x80\xBF\xC2\xC3\xE0\xE3\xED\xF0\xF4\xFF\x9F\xA0";
  for (int round = 0; round < 5000; ++round) {
    std::string text(random() % 20, ' ');
    for (char& c : text) c = alphabet[random() % alphabet.size()];
    const auto shown = safe(text);
    REQUIRE(is_utf8(shown));
    REQUIRE(safe(shown) == shown);
    REQUIRE(shown.size() <= text.size());
  }
}

TEST_CASE("text is cut between characters") {
  struct Case { std::string_view text; std::size_t limit; std::string_view want; };
  static constexpr Case cases[] = {
      {"abc", 3, "abc"}, {"abc", 9, "abc"}, {"abc", 2, "ab"}, {"abc", 0, ""},
      {"aé", 2, "a"}, {"aé", 3, "aé"}, {"éa", 2, "é"}, {"日本", 5, "日"}, {"日本", 4, "日"},
      {"日本", 3, "日"}, {"日本", 2, ""},
      {"a\xF0\x9F\x93\xA7", 4, "a"}, {"\x80\x80\x80\x80\x80", 4, "\x80\x80\x80\x80"}, {"a\xC3z", 2, "a\xC3"}};
  for (const auto& [text, limit, want] : cases) { CAPTURE(text, limit); CHECK(cut_utf8(text, limit) == want); }
}

TEST_CASE("edits are counted, swapped neighbours once, and not beyond the limit") {
  struct Case { std::string_view a, b; std::size_t limit, want; };
  static constexpr Case cases[] = {
      {"", "", 2, 0}, {"", "ab", 2, 2}, {"sender", "sender", 2, 0}, {"sendr", "sender", 2, 1},
      {"sedner", "sender", 2, 1},
      {"recipeint", "recipient", 2, 1}, {"kitten", "sitting", 5, 3}, {"kitten", "sitting", 2, 3}, {"a", "abcdef", 2, 3},
      {"ab", "ba", 0, 1}, {"ca", "abc", 5, 3}};
  for (const auto& [a, b, limit, want] : cases) {
    CAPTURE(a, b);
    CHECK(edit_distance(a, b, limit) == want);
    CHECK(edit_distance(b, a, limit) == want);
  }
}

TEST_CASE("the nearest name is within two edits, within one for words under five letters") {
  static constexpr std::string_view names[] = {"sender", "size", "sasl_sender", "any"};
  struct Case { std::string_view word; std::optional<std::string_view> want; };
  static constexpr Case cases[] = {
      {"sendr", "sender"}, {"sneedr", "sender"}, {"sizes", "size"}, {"siez", "size"}, {"sz", {}}, {"ani", "any"},
      {"aniy", "any"}, {"si", {}}, {"frobnicate", {}}, {"sender", "sender"}, {"", {}}};
  for (const auto& [word, want] : cases) { CAPTURE(word); CHECK(nearest(word, names) == want); }
}

TEST_CASE("of several names the nearest wins, and of equals the first") {
  static constexpr std::string_view names[] = {"timeoutsx", "timeouts", "timeoutx"};
  CHECK(nearest("timeout", names) == "timeouts");
}

TEST_CASE("a control character is found wherever it is; a tab is none") {
  struct Case { std::string_view text; std::optional<std::size_t> want; };
  static constexpr Case cases[] = {{"", {}}, {"a\tb", {}}, {"a\r", 1}, {"\x1f", 0}, {"ab\x7f", 2}, {"\xC2\x80", {}}};
  for (const auto& [text, want] : cases) { CAPTURE(text); CHECK(find_control_character(text) == want); }
  CHECK(find_control_character(std::string_view{"a\0", 2}) == 1u);
}

TEST_CASE("one byte order mark at the front goes") {
  CHECK(without_byte_order_mark("\xEF\xBB\xBF" "acl") == "acl");
  CHECK(without_byte_order_mark("\xEF\xBB\xBF\xEF\xBB\xBF") == "\xEF\xBB\xBF");
  CHECK(without_byte_order_mark("acl") == "acl");
  CHECK(without_byte_order_mark("").empty());
}

TEST_CASE("names are [A-Za-z0-9_.-]+") {
  for (const std::string_view name : {"a", "Z9", "0", "a_b.c-d", "-"}) { CAPTURE(name); CHECK(is_name(name)); }
  for (const std::string_view text : {"", "a b", "!a", "a/b", "\xC3\xB6"}) { CAPTURE(text); CHECK_FALSE(is_name(text)); }
}

TEST_CASE("what is quoted in a message is short and fit for a terminal") {
  CHECK(in_quotes("sender") == "'sender'");
  CHECK(in_quotes("a\x1b[2J") == "'a?[2J'");
  CHECK(in_quotes(std::string(81, 'x')) == "'" + std::string(80, 'x') + "...'");
  CHECK(did_you_mean("sender") == "did you mean 'sender'?");
}
