#include "bench/histogram.h"

#include "support/catch.h"

using policymux::Histogram;
using std::chrono::nanoseconds;

TEST_CASE("an empty histogram has no percentiles") {
  CHECK(Histogram{}.percentile(.99) == nanoseconds{0});
}

TEST_CASE("a percentile is at most 1/64 above the truth") {
  for (std::int64_t ns : {0, 1, 63, 64, 127, 128, 1000, 65535, 65536, 999'999, 1'000'000'000}) {
    CAPTURE(ns);
    Histogram histogram;
    histogram.add(nanoseconds{ns});
    const auto got = histogram.percentile(.5).count();
    CHECK(got >= ns);
    CHECK(got <= ns + ns / 64);
  }
}

TEST_CASE("percentiles of a hundred durations") {
  Histogram histogram;
  for (int i = 1; i <= 100; ++i) histogram.add(nanoseconds{i});
  CHECK(histogram.total() == 100);
  struct Case { double share; int want; };
  for (const auto& [share, want] : {Case{0, 1}, {.01, 1}, {.5, 50}, {.99, 99}, {.999, 100}, {1, 100}}) {
    CAPTURE(share);
    CHECK(histogram.percentile(share).count() == want);
  }
}

TEST_CASE("what is out of range counts as the nearest that is not") {
  Histogram histogram;
  histogram.add(nanoseconds{-5});
  CHECK(histogram.percentile(1) == nanoseconds{0});
  histogram.add(std::chrono::hours{10});
  CHECK(histogram.percentile(1) == nanoseconds{(std::int64_t{1} << 40) - 1});
}
