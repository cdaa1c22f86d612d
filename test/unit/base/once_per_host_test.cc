#include "base/once_per_host.h"

#include "support/catch.h"

using namespace policymux;

TEST_CASE("a host is told about once in a while") {
  OncePerHost once;
  const SteadyTime start{std::chrono::hours{1}};
  CHECK(once.first("192.0.2.1", start));
  CHECK_FALSE(once.first("192.0.2.1", start));
  CHECK(once.first("192.0.2.2", start));
  CHECK_FALSE(once.first("192.0.2.1", start + OncePerHost::tell_again_after - milliseconds{1}));
  CHECK(once.first("192.0.2.1", start + OncePerHost::tell_again_after));
  CHECK_FALSE(once.first("192.0.2.1", start + OncePerHost::tell_again_after));
}

TEST_CASE("a full table forgets all: it does not grow") {
  OncePerHost once;
  const SteadyTime now{};
  for (std::size_t i = 0; i < OncePerHost::hosts_remembered; ++i) CHECK(once.first(std::to_string(i), now));
  CHECK(once.first("one more", now));
  CHECK(once.first("0", now));
}
