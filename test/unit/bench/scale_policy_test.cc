#include "bench/scale_policy.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "support/catch.h"

using namespace policymux;

namespace {

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t n = 0;
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++n;
  return n;
}

std::set<std::string> different(const RequestPool& pool) {
  std::set<std::string> all;
  for (std::size_t i = 0; i < pool.size(); ++i) all.emplace(pool[i]);
  return all;
}

}  // namespace

TEST_CASE("a generated policy has as many access lines as were asked for, of every kind") {
  for (const std::size_t lines : {1u, 10u, 300u, 1000u}) {
    CAPTURE(lines);
    CHECK(count(to_policy_conf(make_scale_policy(1, lines)), "\naccess ") == lines);
    CHECK(count(worst_policy_conf(lines), "\naccess ") == lines);
  }
  const auto text = to_policy_conf(make_scale_policy(1, 1000));
  for (const auto* part :
       {" sender match=exact ", " recipient match=exact ", " sender match=domain ", "recipient_domain", "@bluebank",
        "(info|sales|office)", "(dsl|dyn|ppp)", ".0/24\n", "::/48\n", " !a", "\nchain c3\n", " CHAIN c3\n"}) {
    CAPTURE(part);
    CHECK(count(text, part) > 0);
  }
}

TEST_CASE("the same seed gives the same policy and the same mail") {
  const auto a = make_scale_policy(7, 100), b = make_scale_policy(7, 100), c = make_scale_policy(8, 100);
  CHECK(to_policy_conf(a) == to_policy_conf(b));
  CHECK(to_policy_conf(a) != to_policy_conf(c));
  CHECK(different(scale_hits(a, Spread::even, 1, 20)) == different(scale_hits(b, Spread::even, 1, 20)));
  CHECK(different(scale_misses(1, 50)).size() == 50);
}

TEST_CASE("of mail that is spread as mail is the busiest line has a good part, and others their share") {
  ScalePolicy policy;
  for (int n = 0; n < 1000; ++n) policy.push_back({{{ScaleTest::Kind::sender, "n" + std::to_string(n) + "@x.test"}}});
  const auto senders = [&](Spread spread) {
    std::map<std::string, int> mail;
    const auto pool = scale_hits(policy, spread, 1, 4000);
    for (std::size_t i = 0; i < pool.size(); ++i) {
      const auto at = pool[i].find("\nsender=") + 8;
      ++mail[std::string{pool[i].substr(at, pool[i].find('\n', at) - at)}];
    }
    return mail;
  };
  const auto most = [](const auto& mail) {
    return std::ranges::max_element(mail, {}, [](const auto& one) { return one.second; })->second;
  };
  const auto even = senders(Spread::even), skewed = senders(Spread::skewed);
  CHECK(even.size() > 950);
  CHECK(most(even) < 20);
  CHECK(skewed.size() > 400);
  CHECK(most(skewed) > 300);
}

TEST_CASE("postfwd gets the same rules: those of a chain repeat the tests of its caller") {
  using Kind = ScaleTest::Kind;
  const ScalePolicy policy = {
      {{{Kind::sender, "a@b.test"}}},
      {{{Kind::recipient_domain, "c.test"}, {Kind::sender_domain, "d.test", true}}},
      {{{Kind::recipient_domain, "e.test"}}, {{{{Kind::network4, "30.0.0"}}}, {{{Kind::network4, "31.0.0", true}}}}},
  };
  CHECK(to_postfwd(policy) ==
        "id=R0; sender==a@b.test; action=REJECT 5.7.1 Not today, $$sender\n"
        "id=R1; recipient_domain==c.test; sender=!!(@(.*\\.)?d\\.test$); action=REJECT 5.7.1 Not today, $$sender\n"
        "id=R2; recipient_domain==e.test; client_address=30.0.0.0/24; action=REJECT 5.7.1 Not today, $$sender\n"
        "id=R3; recipient_domain==e.test; client_address=!!(31.0.0.0/24); action=REJECT 5.7.1 Not today, $$sender\n");
}
