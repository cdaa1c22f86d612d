#include "app/hapolicy.h"

#include <fmt/format.h>

#include "support/catch.h"

using namespace policymux;
using namespace std::chrono_literals;

namespace {

std::string address_of(const Config::Service& service) { return to_string(std::get<Endpoint>(service.address)); }

std::vector<std::string> names(const Config& config) {
  std::vector<std::string> out;
  for (const auto& service : config.services) out.push_back(service.name);
  return out;
}

}  // namespace

TEST_CASE("a service string valid for hapolicy means the same here") {
  struct Case {
    std::string_view text, name, address;
    double priority, weight;
    milliseconds timeout;
  };
  const Case cases[] = {
      // its manual's own
      {"grey1=10.0.0.1:10031:10", "grey1", "inet:10.0.0.1:10031", 10, 1, 30s},
      {"grey2=10.0.0.2:10031:20", "grey2", "inet:10.0.0.2:10031", 20, 1, 30s},
      {"polw1=10.0.0.1:12525:10:2", "polw1", "inet:10.0.0.1:12525", 10, 2, 30s},
      {"polw2=10.0.0.2:12525:10:1", "polw2", "inet:10.0.0.2:12525", 10, 1, 30s},
      {"GREY1=10.0.0.1:10031:10", "GREY1", "inet:10.0.0.1:10031", 10, 1, 30s},
      {"servicename=127.0.0.1:10040:10:1:30", "servicename", "inet:127.0.0.1:10040", 10, 1, 30s},
      // "everything after the port is optional"
      {"a=127.0.0.1:10031", "a", "inet:127.0.0.1:10031", 10, 1, 30s},
      // "A trailing colon is valid"
      {"a=127.0.0.1:10031:", "a", "inet:127.0.0.1:10031", 10, 1, 30s},
      {"a=127.0.0.1:10031:5:2:3:", "a", "inet:127.0.0.1:10031", 5, 2, 3s},
      // "a prio, weight or timeout of 0 means 10, 1, 30"
      {"a=127.0.0.1:10031:0:0:0", "a", "inet:127.0.0.1:10031", 10, 1, 30s},
      // parts left empty, parts too many, numbers with zeros in front
      {"a=127.0.0.1:10031::3", "a", "inet:127.0.0.1:10031", 10, 3, 30s},
      {"a=127.0.0.1:10031:::7", "a", "inet:127.0.0.1:10031", 10, 1, 7s},
      {"a=127.0.0.1:10031:5:2:3:more:and more", "a", "inet:127.0.0.1:10031", 5, 2, 3s},
      {"a=127.0.0.1:010031:07:02:03", "a", "inet:127.0.0.1:10031", 7, 2, 3s},
      // numbers as Perl reads them
      {"a=127.0.0.1:10031:5.5:1:3", "a", "inet:127.0.0.1:10031", 5.5, 1, 3s},
      {"a=127.0.0.1:10031:5:1.5:3", "a", "inet:127.0.0.1:10031", 5, 1.5, 3s},
      {"a=127.0.0.1:10031:5:.5:3", "a", "inet:127.0.0.1:10031", 5, .5, 3s},
      {"a=127.0.0.1:10031:5:1:2.5", "a", "inet:127.0.0.1:10031", 5, 1, 2500ms},
      {"a=127.0.0.1:10031:-5:1:3", "a", "inet:127.0.0.1:10031", -5, 1, 3s},
      {"a=127.0.0.1:10031:+5:1:3", "a", "inet:127.0.0.1:10031", 5, 1, 3s},
      {"a=127.0.0.1:10031:10 :1:30", "a", "inet:127.0.0.1:10031", 10, 1, 30s},
      {"a=127.0.0.1:10031: 5: 1: 3", "a", "inet:127.0.0.1:10031", 5, 1, 3s},
      {"a=127.0.0.1:10031:1e1:1:3", "a", "inet:127.0.0.1:10031", 10, 1, 3s},
      {"a=127.0.0.1:10031:5:99999:3", "a", "inet:127.0.0.1:10031", 5, 99999, 3s},
      // names
      {"a b=localhost:10031", "a b", "inet:localhost:10031", 10, 1, 30s},
      {"a=127.0.0.1:smtp:1", "a", "inet:127.0.0.1:25", 1, 1, 30s},
      // "IPv4 TCP only" was a defect
      {"a=[2001:db8::1]:10031:5:2:3", "a", "inet:[2001:db8::1]:10031", 5, 2, 3s},
      {"a=unix:/run/grey.sock:5:2:3", "a", "unix:/run/grey.sock", 5, 2, 3s},
  };
  for (const auto& want : cases) {
    CAPTURE(want.text);
    const auto got = parse_hapolicy_service(want.text);
    REQUIRE(got);
    CHECK(got->settings.name == want.name);
    CHECK(address_of(got->settings) == want.address);
    CHECK(got->priority == want.priority);
    CHECK(got->weight == want.weight);
    CHECK(got->settings.timeout == want.timeout);
    CHECK(got->settings.group == "hapolicy");
  }
}

TEST_CASE("an invalid service string is quoted") {
  for (const std::string_view text : {"", "a", "=127.0.0.1:1", "a=", "a=127.0.0.1", "a=127.0.0.1:", "a=:10031", "a=h:0",
                                      "a=h:65536", "a=h:no-such-port", "a=h:1:x", "a=h:1:1:-1", "a=h:1:1:1:-3",
                                      "a=h:1:1:1:3x", "a=h:1:+-5", "a=h:1:inf", "a=h:1:1:nan", "a=h:1:1e999",
                                      "a=h:1:1:1:1e12", "a=[::1:10031", "a=two words:10031"}) {
    CAPTURE(text);
    const auto got = parse_hapolicy_service(text);
    REQUIRE_FALSE(got);
    CHECK(got.error().find("invalid service") != std::string::npos);
    CHECK(got.error().find(text) != std::string::npos);
  }
}

TEST_CASE("an invalid service string is a warning and is skipped") {
  const auto setup = hapolicy_setup({.services = {"nonsense", "a=127.0.0.1:10031", "b=127.0.0.1:x y"}});
  CHECK(names(setup.config) == std::vector<std::string>{"a"});
  REQUIRE(setup.warnings.size() == 2);
  CHECK(setup.warnings[0].find("nonsense") != std::string::npos);
}

TEST_CASE("priorities keep their order as numbers, and equal ones remain equal") {
  struct Case {
    std::string_view first, second, third;
    std::vector<unsigned> want;
  };
  const Case cases[] = {{"10", "9", "1e1", {10, 9, 10}},
                        {"4294967295", "0", "", {4294967295, 10, 10}},
                        {"10", "9.5", "1e1", {2, 1, 2}},
                        {"-5", "+7", "-10", {2, 3, 1}},
                        {"4294967296", "3", "3", {2, 1, 1}}};
  for (const auto& [first, second, third, want] : cases) {
    CAPTURE(first, second, third);
    const auto setup = hapolicy_setup({.services = {fmt::format("a=h:1:{}", first), fmt::format("b=h:2:{}", second),
                                                    fmt::format("c=h:3:{}", third)}});
    std::vector<unsigned> got;
    for (const auto& service : setup.config.services) got.push_back(service.priority);
    CHECK(got == want);
  }
}

TEST_CASE("weights keep their proportion") {
  struct Case {
    std::string first, second;
    unsigned want_first, want_second;
  };
  const Case cases[] = {{"2", "1", 2, 1},          {"1.5", "1", 1500, 1000},   {"0.5", "1", 500, 1000},
                        {"65535", "3", 65535, 3},  {"131070", "2", 65535, 1},  {"100", "0.25", 65535, 164},
                        {"1e9", "0.1", 65535, 1}};
  for (const auto& [first, second, want_first, want_second] : cases) {
    CAPTURE(first, second);
    const auto setup = hapolicy_setup({.services = {"a=h:1:5:" + first, "b=h:1:5:" + second}});
    CHECK(setup.config.services.at(0).weight == want_first);
    CHECK(setup.config.services.at(1).weight == want_second);
  }
}

TEST_CASE("a repeated NAME replaces the earlier one") {
  const auto setup = hapolicy_setup({.services = {"a=127.0.0.1:1:1:2:3", "b=127.0.0.1:2", "a=127.0.0.1:3"}});
  CHECK(names(setup.config) == std::vector<std::string>{"a", "b"});
  CHECK(address_of(setup.config.services[0]) == "inet:127.0.0.1:3");
  CHECK(setup.config.services[0].priority == 10);
  CHECK(setup.warnings.empty());
}

TEST_CASE("with no valid service every answer is the default action") {
  const auto setup = hapolicy_setup({.default_action = "DEFER_IF_PERMIT try later"});
  CHECK(setup.config.services.empty());
  CHECK(setup.config.groups.at(0).default_action == "DEFER_IF_PERMIT try later");
  CHECK(hapolicy_setup({}).config.groups.at(0).default_action == "dunno");
}

TEST_CASE("a service that answers DUNNO has answered, whatever the default action is") {
  const auto policy = [](const std::string& action) {
    return hapolicy_setup({.services = {"a=127.0.0.1:1"}, .default_action = action}).policy;
  };
  CHECK(policy("REJECT").find("action default DUNNO\n") != std::string::npos);
  CHECK(policy("Dunno for ${sender}").find("action default Dunno\n") != std::string::npos);
}

TEST_CASE("a default action that Postfix would take for another one is not used") {
  for (const std::string action : {"", "550", " OK", "FILTER x"}) {
    CAPTURE(action);
    const auto setup = hapolicy_setup({.default_action = action});
    CHECK(setup.config.groups.at(0).default_action == "dunno");
    CHECK(setup.warnings.size() == 1);
  }
  CHECK(hapolicy_setup({.default_action = "our_class"}).config.groups.at(0).default_action == "our_class");
}

TEST_CASE("how much is logged: warnings, -l tries, -v all") {
  CHECK(hapolicy_setup({}).config.main.log_level == Level::warning);
  CHECK(hapolicy_setup({.logging = true}).config.main.log_level == Level::info);
  CHECK(hapolicy_setup({.verbose = true}).config.main.log_level == Level::debug);
  CHECK(hapolicy_setup({}).config.main.syslog_name == "hapolicy");
  CHECK(hapolicy_setup({}).config.main.syslog_facility == Facility::mail);
}

TEST_CASE("Total time there: 90 s") {
  CHECK(hapolicy_setup({}).config.groups.at(0).deadline == 90s);
}
