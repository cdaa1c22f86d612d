#include "match/number.h"

#include <algorithm>
#include <random>

#include "support/catch.h"

using namespace policymux;

namespace {

std::string parsed(std::string_view text, NumberSyntax syntax) {
  const auto range = parse_number_range(text, syntax);
  return range ? to_string(*range, syntax) : range.error();
}

constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max(),
                       least = std::numeric_limits<std::int64_t>::min();

}  // namespace

TEST_CASE("size: N is larger than N bytes; >N >=N <N <=N =N A-B, K M G") {
  struct Case {
    std::string_view text;
    NumberRange want;
  };
  static constexpr Case cases[] = {
      {"10240000", {10240001, most}},
      {"0", {1, most}},
      {">5", {6, most}},
      {">=5", {5, most}},
      {"<5", {least, 4}},
      {"<=5", {least, 5}},
      {"=5", {5, 5}},
      {"5-9", {5, 9}},
      {"5-5", {5, 5}},
      {"1K-2k", {1024, 2048}},
      {">10M", {10485761, most}},
      {"1G", {1073741825, most}},
      {">= 5", {5, most}},
  };
  for (const auto& [text, want] : cases) {
    CAPTURE(text);
    const auto got = parse_number_range(text, NumberSyntax::size);
    REQUIRE(got);
    CHECK(*got == want);
    CHECK(*parse_number_range(to_string(*got, NumberSyntax::size), NumberSyntax::size) == want);
  }
}

TEST_CASE("recipient_count and its like: N is equality, and the same operators") {
  struct Case {
    std::string_view text, want;
  };
  static constexpr Case cases[] = {
      {"1", "1"},
      {"=1", "1"},
      {">1", ">=2"},
      {">=10", ">9"},
      {"<100", "<=99"},
      {"<=100", "<=100"},
      {"2-4", "2-4"},
      {"1K", "1024"},
      {"18446744073709551615", "'18446744073709551615' is too large"},
      {">99999999999G", "'99999999999G' is too large"},
      {"", "'' is no number: want digits, and K, M or G if you like"},
      {"banana", "'banana' is no number: want digits, and K, M or G if you like"},
      {"-1", "'-1' is no number: want digits, and K, M or G if you like"},
      {"1.5", "'1.5' is no number: want digits, and K, M or G if you like"},
      {"5-x", "'x' is no number: want digits, and K, M or G if you like"},
      {"=>5", "'>5' is no number: want digits, and K, M or G if you like"},
      {">", "'' is no number: want digits, and K, M or G if you like"},
      {"9-5", "'9-5' ends before it begins"},
      {"9223372036854775807", "'9223372036854775807' is too large"},
      {"99999999999G", "'99999999999G' is too large"}};
  for (const auto& [text, want] : cases) {
    CAPTURE(text);
    CHECK(parsed(text, NumberSyntax::count) == want);
  }
}

TEST_CASE("score: a signed decimal, held in thousandths") {
  struct Case {
    std::string_view text, want;
  };
  static constexpr Case cases[] = {
      {">=5", ">=5"},
      {">5.5", ">5.5"},
      {"-1.5", "-1.5"},
      {"<-2", "<-2"},
      {"<=-2.25", "<=-2.25"},
      {"-3--1", "-3--1"},
      {"-3-5", "-3-5"},
      {"+2", "2"},
      {"=0.001", "0.001"},
      {"1.2345", "'1.2345' is no number: want a signed decimal with at most three places"},
      {"5K", "'5K' is no number: want a signed decimal with at most three places"},
      {"1--2", "'1--2' ends before it begins"},
  };
  for (const auto& [text, want] : cases) {
    CAPTURE(text);
    CHECK(parsed(text, NumberSyntax::score) == want);
  }
}

TEST_CASE("thousandths are read and written in their shortest form") {
  struct Case {
    std::string_view text;
    std::optional<std::int64_t> want;
    std::string_view back;
  };
  static constexpr Case cases[] = {
      {"3", 3000, "3"},
      {"3.5", 3500, "3.5"},
      {"3.50", 3500, "3.5"},
      {"-1.5", -1500, "-1.5"},
      {"-0.001", -1, "-0.001"},
      {"0", 0, "0"},
      {"-0", 0, "0"},
      {"+1.05", 1050, "1.05"},
      {"100", 100000, "100"},
      {"999999999999999", 999999999999999000, "999999999999999"},
      {"", {}, ""},
      {"-", {}, ""},
      {".5", {}, ""},
      {"5.", {}, ""},
      {"1.0000", {}, ""},
      {"1e3", {}, ""},
      {"--1", {}, ""},
      {"1.-5", {}, ""},
      {"9999999999999999", {}, ""},
  };
  for (const auto& [text, want, back] : cases) {
    CAPTURE(text);
    const auto got = parse_thousandths(text);
    CHECK(got == want);
    if (got) CHECK(format_thousandths(*got) == back);
  }
  CHECK(format_thousandths(least) == "-9223372036854775.808");
}

TEST_CASE("an index of number ranges finds like looking at each, ends of the scale included") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  for (int round = 0; round < 50; ++round) {
    std::vector<NumberRange> ranges;
    NumberIndex::Builder builder;
    for (std::uint32_t id = 0; id < random() % 60; ++id) {
      const auto a = static_cast<std::int64_t>(random() % 100), b = static_cast<std::int64_t>(random() % 100);
      const NumberRange kinds[] = {
          {a, most}, {least, a},   {a, a},        {std::min(a, b), std::max(a, b)},
          {},        {most, most}, {least, least},
      };
      ranges.push_back(kinds[random() % 7]);
      builder.add(ranges.back(), id);
    }
    const auto index = std::move(builder).build();
    for (std::int64_t n = -2; n < 103; ++n) {
      for (const auto place : {n, n + 2 < 0 ? n : most - n - 2, least + n + 2}) {
        IdList want, got;
        for (std::uint32_t id = 0; id < ranges.size(); ++id)
          if (ranges[id].contains(place)) want.push_back(id);
        index.find(place, got);
        CAPTURE(place);
        REQUIRE(got == want);
      }
    }
  }
}

TEST_CASE("thousands of limits in both directions take no quadratic memory") {
  NumberIndex::Builder builder;
  constexpr std::uint32_t n = 20'000;  // each answer has about n ids
  for (std::uint32_t id = 0; id < n; ++id)
    builder.add(id % 2 == 0 ? NumberRange{.first = id} : NumberRange{.last = id}, id);
  const auto index = std::move(builder).build();
  IdList out;
  index.find(n / 2, out);
  CHECK(out.size() == n / 2 + 1);
}
