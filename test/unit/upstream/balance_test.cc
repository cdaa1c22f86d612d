#include "upstream/balance.h"
#include "upstream/text_key.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "support/catch.h"

using namespace policymux;
using By = Balancer::By;

namespace {

std::vector<Member> members(std::initializer_list<std::uint32_t> weights) {
  std::vector<Member> out;
  for (const auto weight : weights) {
    out.push_back({.name = std::string(1, static_cast<char>('a' + out.size())), .weight = weight});
  }
  return out;
}

std::string picks(Balancer& balancer, const std::vector<Standing>& standings, int n) {
  std::string out;
  while (n-- > 0) {
    const auto pick = balancer.pick(standings);
    out += pick ? static_cast<char>('a' + *pick) : '-';
  }
  return out;
}

std::uint64_t key(int n) { return text_key("192.0.2." + std::to_string(n)); }

}  // namespace

TEST_CASE("weighted means smooth weighted round robin") {
  struct Case { std::vector<Member> of; std::string want; };
  const Case cases[] = {{members({1}), "aaa"},
                        {members({1, 1}), "abab"},
                        {members({2, 1}), "abaaba"},
                        {members({5, 1, 1}), "aabacaa"},
                        {members({1, 2, 3}), "cbacbc"}};
  for (const auto& [of, want] : cases) {
    Balancer balancer{By::weighted, of};
    CHECK(picks(balancer, std::vector<Standing>(of.size()), static_cast<int>(want.size())) == want);
  }
}

TEST_CASE("weights hold over 10,000 requests within 2 %, whoever comes and goes") {
  const auto of = members({1, 3, 4, 12});
  Balancer balancer{By::weighted, of};
  std::vector<Standing> standings(of.size());
  standings[3].eligible = false;
  for (int i = 0; i < 1001; ++i) CHECK(balancer.pick(standings) != 3);
  standings[3].eligible = true;
  std::map<std::size_t, double> counts;
  for (int i = 0; i < 10'000; ++i) ++counts[*balancer.pick(standings)];
  for (std::size_t i = 0; i < of.size(); ++i) CHECK(std::abs(counts[i] / (10'000 * of[i].weight / 20.) - 1) < 0.02);
}

TEST_CASE("priorities are tiers, and numbers: 9 comes before 10") {
  std::vector<Member> of = {{.name = "a", .priority = 10}, {.name = "b", .priority = 9}, {.name = "c", .priority = 9}};
  for (const auto by : {By::weighted, By::least_outstanding, By::first, By::hash}) {
    Balancer balancer{by, of};
    std::vector<Standing> standings(3);
    CHECK(picks(balancer, standings, 8).find('a') == std::string::npos);
    standings[1].eligible = standings[2].eligible = false;
    CHECK(picks(balancer, standings, 2) == "aa");
    standings[0].eligible = false;
    CHECK(picks(balancer, standings, 1) == "-");
  }
}

TEST_CASE("weighted passes over whoever has no room, while others of the same priority have some") {
  Balancer balancer{By::weighted, members({1, 1})};
  std::vector<Standing> standings(2);
  standings[0].has_room = false;
  CHECK(picks(balancer, standings, 3) == "bbb");
  standings[1].has_room = false;
  CHECK(picks(balancer, standings, 4).find('a') != std::string::npos);
}

TEST_CASE("least_outstanding: the fewest requests under way, equals by weight") {
  Balancer balancer{By::least_outstanding, members({1, 1, 1})};
  CHECK(picks(balancer, {{.outstanding = 2}, {.outstanding = 1}, {.outstanding = 5}}, 3) == "bbb");
  auto each = picks(balancer, {{.outstanding = 2}, {.outstanding = 2}, {.outstanding = 2}}, 3);
  std::ranges::sort(each);
  CHECK(each == "abc");
  // Whoever has no room is not asked while another one has.
  CHECK(picks(balancer, {{.has_room = false, .outstanding = 2}, {.outstanding = 3}, {.outstanding = 5}}, 3) == "bbb");
  Balancer fresh{By::least_outstanding, members({2, 1})};
  CHECK(picks(fresh, {{}, {}}, 6) == "abaaba");
}

TEST_CASE("first: in the order given, the others when it fails, not when it is busy") {
  Balancer balancer{By::first, members({1, 9})};
  CHECK(picks(balancer, {{.has_room = false, .outstanding = 99}, {}}, 3) == "aaa");
  CHECK(picks(balancer, {{.eligible = false}, {}}, 2) == "bb");
}

TEST_CASE("hash: with a group of three at most 40 % move when one leaves, and nothing else moves") {
  Balancer balancer{By::hash, members({1, 1, 1})};
  const std::vector<Standing> all(3);
  for (std::size_t gone = 0; gone < 3; ++gone) {
    auto without = all;
    without[gone].eligible = false;
    int moved = 0;
    for (int i = 0; i < 10'000; ++i) {
      const auto before = balancer.pick(all, key(i)), after = balancer.pick(without, key(i));
      CHECK(balancer.pick(all, key(i)) == before);
      if (before == gone) ++moved;
      else if (before != after) FAIL("a request moved that had no reason to");
    }
    CHECK(moved <= 4'000);
    CHECK(moved >= 2'700);
  }
}

TEST_CASE("hash: shares are by weight; a request without the attribute goes by weight, too") {
  const auto of = members({1, 3});
  Balancer balancer{By::hash, of};
  const std::vector<Standing> all(2);
  int second = 0;
  for (int i = 0; i < 10'000; ++i) second += balancer.pick(all, key(i)) == 1 ? 1 : 0;
  CHECK(std::abs(second / 10'000. - 0.75) < 0.02);
  CHECK(picks(balancer, all, 4) == "babb");
}

TEST_CASE("a round may begin at a random point in proportion to weight") {
  std::map<char, int> first;
  for (int i = 0; i < 100; ++i) {
    Balancer balancer{By::weighted, members({3, 1})};
    balancer.begin_at(i / 100.);
    ++first[picks(balancer, std::vector<Standing>(2), 1).front()];
  }
  CHECK(first['a'] == 75);
  CHECK(first['b'] == 25);
}
