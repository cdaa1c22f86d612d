#include "upstream/affinity.h"
#include "upstream/text_key.h"

#include <string>

#include "support/catch.h"

using namespace policymux;
using namespace std::chrono_literals;

namespace {

constexpr SteadyTime now{std::chrono::hours{1}};
std::uint64_t message(int n) { return text_key("instance " + std::to_string(n)); }

}  // namespace

TEST_CASE("a message is remembered, with the place that answered last") {
  Affinity affinity;
  CHECK_FALSE(affinity.find(message(1), now));
  affinity.remember(message(1), {1, 10}, now);
  affinity.remember(message(2), {2, 20}, now);
  affinity.remember(message(1), {3, 30}, now);
  CHECK(affinity.find(message(1), now) == Affinity::Place{3, 30});
  CHECK(affinity.find(message(2), now) == Affinity::Place{2, 20});
}

TEST_CASE("an empty instance is no message") {
  CHECK(text_key("") == 0);
  CHECK(text_key("1") != 0);
}

TEST_CASE("messages are forgotten with age, and when there are too many the oldest first") {
  Affinity affinity;
  affinity.remember(message(1), {1, 1}, now);
  CHECK(affinity.find(message(1), now + Affinity::longest - 1ms));
  CHECK_FALSE(affinity.find(message(1), now + Affinity::longest));
  for (int n = 0; n < 200'000; ++n) affinity.remember(message(n), {1, 1}, now + std::chrono::microseconds{n});
  int old = 0, fresh = 0;
  for (int n = 0; n < 5'000; ++n) {
    old += affinity.find(message(n), now + 1s) ? 1 : 0;
    fresh += affinity.find(message(199'999 - n), now + 1s) ? 1 : 0;
  }
  CHECK(old == 0);
  CHECK(fresh > 4'900);
}
