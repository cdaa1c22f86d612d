#include "upstream/staffing.h"

#include "support/catch.h"

using namespace policymux;
using namespace std::chrono_literals;

namespace {

constexpr SteadyTime start{1h};
constexpr double no_jitter = 0.5;

}  // namespace

TEST_CASE("a plug-in grows by as many workers as it has, and never beyond the most") {
  struct Case { std::size_t running, waiting, want; };
  static constexpr Case cases[] = {{4, 0, 0}, {4, 1, 1}, {4, 100, 4}, {8, 100, 8}, {16, 100, 16}, {20, 100, 12},
                                   {32, 100, 0}, {40, 100, 0}, {0, 100, 1}};
  const Staffing staffing{{.least = 4, .most = 32}};
  for (const auto& [running, waiting, want] : cases) {
    CAPTURE(running, waiting);
    CHECK(staffing.growth(running, waiting) == want);
  }
}

TEST_CASE("a plug-in lacks what the least is more than what runs") {
  const Staffing staffing{{.least = 4, .most = 32}};
  CHECK(staffing.missing(0) == 4);
  CHECK(staffing.missing(3) == 1);
  CHECK(staffing.missing(4) == 0);
  CHECK(staffing.missing(9) == 0);
}

TEST_CASE("whoever was not needed between two looks may go, but the least stay") {
  Staffing staffing{{.least = 4, .most = 32}};
  CHECK(staffing.surplus(12, 12) == 0);  // a look at what nobody has watched
  staffing.idle(5);                      // once only five were idle
  staffing.idle(11);
  CHECK(staffing.surplus(12, 12) == 5);
  CHECK(staffing.surplus(7, 7) == 3);    // nobody was needed since
  CHECK_FALSE(staffing.may_shrink(4));
  CHECK(staffing.surplus(4, 4) == 0);
}

TEST_CASE("those that went at one look are not sent away again at the next") {
  Staffing staffing{{.least = 1, .most = 10}};
  CHECK(staffing.surplus(10, 5) == 0);
  CHECK(staffing.surplus(10, 5) == 5);  // five were busy all the time, as they are now
  CHECK(staffing.surplus(5, 0) == 0);
  CHECK(staffing.surplus(5, 3) == 0);
  CHECK(staffing.surplus(5, 1) == 1);   // two idle ones have died meanwhile
}

TEST_CASE("a program that fails is started ever more seldom until one of its workers answers") {
  StartLimit limit{1s};
  auto now = start;
  CHECK(limit.allows(now));
  CHECK_FALSE(limit.started(now));
  CHECK(limit.failed(now, false, false, no_jitter));        // told
  CHECK_FALSE(limit.failed(now, false, false, no_jitter));  // the others that were started with it
  for (const auto back_off : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
    CAPTURE(back_off.count());
    CHECK_FALSE(limit.allows(now + back_off - 1ms));
    now += back_off;
    REQUIRE(limit.allows(now));
    REQUIRE(limit.started(now));
    CHECK_FALSE(limit.allows(now));  // one at a time
    CHECK_FALSE(limit.failed(now, true, false, no_jitter));
  }
  now += 60s;
  REQUIRE(limit.started(now));
  CHECK(limit.answered());
  CHECK(limit.allows(now));
}

TEST_CASE("where others do well a few failed starts are forgiven, but not for ever") {
  StartLimit limit{1s};
  for (unsigned i = 0; i < StartLimit::forgiven; ++i) CHECK_FALSE(limit.failed(start, false, true, no_jitter));
  CHECK(limit.allows(start));
  CHECK_FALSE(limit.answered());
  for (unsigned i = 0; i < StartLimit::forgiven; ++i) CHECK_FALSE(limit.failed(start, false, true, no_jitter));
  CHECK(limit.failed(start, false, true, no_jitter));
  CHECK_FALSE(limit.allows(start));
}
