#include "metrics/latency.h"

#include <algorithm>

#include "support/catch.h"

using namespace policymux;
using namespace std::chrono_literals;

TEST_CASE("bounds are round numbers, and close to each other") {
  constexpr auto& bounds = LatencyHistogram::bounds;
  CHECK(bounds.front() == 50us);
  CHECK(bounds.back() == 100s);
  for (const auto round : {80us, 100us, 125us, 1'000us, 6'300us, 1'250'000us}) {
    CHECK(std::ranges::binary_search(bounds, round));
  }
  for (std::size_t i = 1; i < bounds.size(); ++i) {
    CAPTURE(i);
    CHECK(bounds[i] > bounds[i - 1]);
    CHECK(bounds[i] * 100 <= bounds[i - 1] * 128);
  }
}

TEST_CASE("a duration is counted in the first bucket whose bound it does not exceed") {
  LatencyHistogram histogram;
  for (const auto took : {0us, 50us, 51us, 100'000'000us, 100'000'001us}) histogram.add(took);
  CHECK(histogram.counts().front() == 2);
  CHECK(histogram.counts()[1] == 1);
  CHECK(histogram.counts()[63] == 1);
  CHECK(histogram.counts().back() == 1);
  CHECK(histogram.total() == 5);
  CHECK(histogram.sum() == 200'000'102us);
}

TEST_CASE("a percentile is the bound of its bucket, where there is one") {
  LatencyHistogram histogram;
  CHECK_FALSE(histogram.percentile(0.5));
  for (int i = 0; i < 90; ++i) histogram.add(210us);
  for (int i = 0; i < 10; ++i) histogram.add(1200ms);
  CHECK(histogram.percentile(0.5) == 250us);
  CHECK(histogram.percentile(0.9) == 250us);
  CHECK(histogram.percentile(0.91) == 1'250ms);
  histogram.add(2min);
  CHECK_FALSE(histogram.percentile(1));
}
