#include "app/helper.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <future>
#include <vector>

#include "support/catch.h"

using namespace policymux;

TEST_CASE("the helper's jobs run one after the other, and all of them") {
  std::vector<int> order;
  {
    Helper helper;
    for (int i = 0; i < 100; ++i) helper.post([i, &order] { order.push_back(i); });
  }
  REQUIRE(order.size() == 100);
  for (int i = 0; i < 100; ++i) CHECK(order[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("the helper's thread stands back behind the loop's") {
  const auto nice_of_this_thread = [] { return ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid())); };
  const int before = nice_of_this_thread();
  std::promise<int> helpers;
  Helper helper;
  helper.post([&] { helpers.set_value(nice_of_this_thread()); });
  CHECK(helpers.get_future().get() == std::max(before, 10));
  CHECK(nice_of_this_thread() == before);
}
