#include "metrics/latency.h"

#include "support/catch.h"

using namespace policymux;
using namespace std::chrono_literals;

TEST_CASE("a duration is counted in the first bucket whose bound it does not exceed") {
  LatencyHistogram histogram;
  for (const auto took : {0us, 100us, 101us, 30'000'000us, 30'000'001us}) histogram.add(took);
  CHECK(histogram.counts().front() == 2);
  CHECK(histogram.counts()[1] == 1);
  CHECK(histogram.counts()[14] == 1);
  CHECK(histogram.counts().back() == 1);
  CHECK(histogram.total() == 5);
  CHECK(histogram.sum() == 60'000'202us);
}

TEST_CASE("a percentile is the bound of its bucket, where there is one") {
  LatencyHistogram histogram;
  CHECK_FALSE(histogram.percentile(0.5));
  for (int i = 0; i < 90; ++i) histogram.add(200us);
  for (int i = 0; i < 10; ++i) histogram.add(2ms);
  CHECK(histogram.percentile(0.5) == 250us);
  CHECK(histogram.percentile(0.9) == 250us);
  CHECK(histogram.percentile(0.91) == 2'500us);
  histogram.add(1min);
  CHECK_FALSE(histogram.percentile(1));
}
