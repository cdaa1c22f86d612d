#include "upstream/breaker.h"

#include "support/catch.h"

using namespace policymux;
using namespace std::chrono_literals;
using State = Breaker::State;

namespace {

constexpr SteadyTime start{std::chrono::hours{1}};
constexpr double middle = 0.5;  // no jitter

// A probe that fails at once. When may the next one be tried?
SteadyTime failed_probe(Breaker& breaker, double chance = middle) {
  const auto now = breaker.retry_at();
  REQUIRE(breaker.asked(now));
  CHECK_FALSE(breaker.failed(now, true, chance));
  return now;
}

}  // namespace

TEST_CASE("a failure opens, the first back-off is 1 s, then one request probes and the others go elsewhere") {
  Breaker breaker{1s};
  CHECK(breaker.allows(start));
  CHECK_FALSE(breaker.asked(start));
  CHECK(breaker.failed(start, false, middle));
  CHECK(breaker.state(start) == State::open);
  CHECK_FALSE(breaker.allows(start + 999ms));
  CHECK(breaker.state(start + 1s) == State::half_open);
  REQUIRE(breaker.allows(start + 1s));
  CHECK(breaker.asked(start + 1s));
  CHECK_FALSE(breaker.allows(start + 1s));
  CHECK(breaker.answered());
  CHECK(breaker.state(start + 1s) == State::closed);
  CHECK_FALSE(breaker.answered());
}

TEST_CASE("each back-off is twice as long as the one before, up to a minute, and the first again after an answer") {
  Breaker breaker{1s};
  breaker.failed(start, false, middle);
  for (const auto want : {2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
    const auto at = failed_probe(breaker);
    CHECK(breaker.retry_at() - at == want);
  }
  breaker.answered();
  breaker.failed(start, false, middle);
  CHECK(breaker.retry_at() - start == 1s);
}

TEST_CASE("after a probe that hung the back-off is at least as long as it hung") {
  Breaker breaker{1s};
  breaker.failed(start, false, middle);
  const auto began = breaker.retry_at();
  breaker.asked(began);
  breaker.failed(began + 10s, true, middle);
  CHECK(breaker.retry_at() - (began + 10s) == 10s);
}

TEST_CASE("back-offs are jittered by a fifth either way") {
  for (const auto& [chance, want] : {std::pair{0., 800ms}, std::pair{1., 1200ms}}) {
    Breaker breaker{1s};
    breaker.failed(start, false, chance);
    CHECK(breaker.retry_at() - start == want);
  }
}

TEST_CASE("failures of requests that were under way when it opened change nothing; an answer to one closes") {
  Breaker breaker{1s};
  breaker.failed(start, false, middle);
  CHECK_FALSE(breaker.failed(start + 500ms, false, middle));
  CHECK(breaker.retry_at() == start + 1s);
  CHECK(breaker.answered());
  CHECK(breaker.allows(start + 500ms));
}

TEST_CASE("a probe from which nothing was learnt lets another one try") {
  Breaker breaker{1s};
  breaker.failed(start, false, middle);
  CHECK(breaker.asked(start + 1s));
  breaker.abandoned();
  CHECK(breaker.allows(start + 1s));
}
