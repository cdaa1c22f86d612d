#include "upstream/upstream.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "support/catch.h"
#include "support/temporary_directory.h"
#include "unit/upstream/exchange_house.h"
#include "upstream/group.h"

using namespace policymux;
using namespace policymux::test;

namespace {

const Definition service_test{.kind = QuestionKind::service, .values = {"g"}};

Act answers(const std::string& action) { return {"action=" + action + "\n\n"}; }

}  // namespace

TEST_CASE("When all services failed, the group's default_action is the answer; a service test is UNKNOWN") {
  ScriptedServer dead;
  ExchangeHouse house;
  house.add("a", dead);
  dead.stop();
  CHECK(house.ask() == "451 4.3.5 Policy service unavailable");
  const auto waits = house.start("RCPT", service_test);
  house.until([&] { return waits->done(); });
  CHECK(waits->answer().outcome == Outcome::unknown);
  CHECK(house.open().snapshot().groups.at(0).defaults == 2);
}

// "TRUE when the answer of the service group matches the regular expression given (default: anything but DUNNO)"
TEST_CASE("a service test is TRUE when the answer is anything but DUNNO, and says what it was") {
  const std::pair<std::string, Outcome> cases[] = {
      {"dunno text", Outcome::no}, {"OK", Outcome::yes}, {"REJECT no", Outcome::yes}};
  ScriptedServer server;
  ExchangeHouse house;
  house.add("a", server);
  for (const auto& [answer, want] : cases) {
    server.act = answers(answer);
    const auto waits = house.start("RCPT", service_test);
    house.until([&] { return waits->done(); });
    CHECK(waits->answer().outcome == want);
    CHECK(waits->action() == answer);
  }
}

TEST_CASE("connections are kept, and one request is in flight on each") {
  ScriptedServer server;
  ExchangeHouse house;
  house.add("a", server).max_connections = 2;
  for (int i = 0; i < 5; ++i) CHECK(house.ask() == "OK");
  CHECK(server.accepted == 1);
  server.act = {};  // hangs
  std::vector<std::unique_ptr<Inquirer>> waiting;
  for (int i = 0; i < 5; ++i) waiting.push_back(house.start());
  house.until([&] { return server.requests.size() == 7; });
  run_passes(house.loop, 5);
  CHECK(house.service().in_flight == 2);
  CHECK(house.service().queued == 3);
  server.act = answers("OK later");
  server.say("action=OK later\n\n");
  house.until([&] { return std::ranges::all_of(waiting, [](const auto& one) { return one->done(); }); });
  for (const auto& one : waiting) CHECK(one->action() == "OK later");
}

TEST_CASE("who waits for a connection waits no longer than a try may take, and then the next service is asked") {
  ScriptedServer busy, other;
  ExchangeHouse house;
  auto& service = house.add("busy", busy);
  service.max_connections = 1;
  service.timeout = 300ms;
  house.add("other", other).priority = 20;
  other.act = answers("OK other");
  busy.act = {};
  auto first = house.start();
  house.until([&] { return busy.requests.size() == 1; });
  const auto second = house.start();
  house.until([&] { return second->done(); });
  CHECK(second->action() == "OK other");
  house.until([&] { return first->done(); });
}

TEST_CASE("a hung service holds nobody but those it was sent: others wait for any connection of the group") {
  ScriptedServer hung, quick;
  ExchangeHouse house;
  house.add("hung", hung).max_connections = 1;
  house.add("quick", quick).max_connections = 1;
  hung.act = quick.act = {};
  const auto first = house.start(), second = house.start(), third = house.start(), fourth = house.start();
  house.until([&] { return hung.requests.size() == 1 && quick.requests.size() == 1; });
  CHECK(house.service(0).queued + house.service(1).queued == 2);
  quick.act = answers("OK quick");
  quick.say("action=OK second\n\n");
  house.until([&] { return second->done() && third->done() && fourth->done(); });
  CHECK(third->action() == "OK quick");
  CHECK(fourth->action() == "OK quick");
  CHECK_FALSE(first->done());
}

TEST_CASE("A timeout opens it only if the service answered nothing else while that request waited") {
  ScriptedServer server, other;
  ExchangeHouse house;
  house.add("slow", server).timeout = 400ms;
  house.add("other", other).priority = 20;
  other.act = answers("OK other");
  server.act = {};
  const auto slow = house.start();
  house.until([&] { return server.requests.size() == 1; });
  server.act = answers("OK quick");
  CHECK(house.ask() == "OK quick");
  house.until([&] { return slow->done(); });
  CHECK(slow->action() == "OK other");
  CHECK(house.failures(Failure::timed_out) == 1);
  CHECK(house.service().state == Breaker::State::closed);
  CHECK_FALSE(house.log.has("off for"));
}

TEST_CASE("a hung service costs its time-out once, not every time; a change is logged once, with its reason") {
  ScriptedServer hung, other;
  ExchangeHouse house{{.first_back_off = 1h}};
  house.add("hung", hung).timeout = 100ms;
  house.add("other", other).priority = 20;
  hung.act = {};
  for (int i = 0; i < 10; ++i) CHECK(house.ask() == "OK");
  CHECK(hung.requests.size() == 1);
  const auto& lines = house.log.lines();
  CHECK(std::ranges::count_if(lines, [](const auto& line) { return line.find("off for") != line.npos; }) == 1);
  CHECK(house.log.has("off for 1h: no answer in time"));
  CHECK(house.service().reason == "no answer in time");
}

TEST_CASE("a request's total time never passes the group's deadline: then the default action") {
  ScriptedServer hung;
  ExchangeHouse house;
  house.add("hung", hung);
  hung.act = {};
  SECTION("its own") { house.group().deadline = 50ms; }
  SECTION("inside the question's") {}
  const auto began = std::chrono::steady_clock::now();
  const auto waits = house.start("RCPT", house.policy, house.config.groups.empty() ? 500ms : 1min);
  house.until([&] { return waits->done(); });
  CHECK(std::chrono::steady_clock::now() - began < house.config.services.front().timeout / 2);
  CHECK(waits->action() == "451 4.3.5 Policy service unavailable");
  CHECK(house.service().in_flight == 1);  // what was sent stays sent
}

TEST_CASE("retries limits how many further services are tried") {
  ScriptedServer a, b, c;
  ExchangeHouse house;
  for (auto* server : {&a, &b}) server->act = {"", 0, End::close};
  house.add("a", a);
  house.add("b", b).priority = 20;
  house.add("c", c).priority = 30;
  SECTION("one") {
    house.group().retries = 1;
    CHECK(house.ask() == "451 4.3.5 Policy service unavailable");
    CHECK(c.requests.empty());
  }
  SECTION("not set: one per remaining service") { CHECK(house.ask() == "OK"); }
  CHECK(a.requests.size() == 1);
  CHECK(b.requests.size() == 1);
}

TEST_CASE("requests with the same instance go to the service and connection that answered the last one") {
  ScriptedServer a, b;
  ExchangeHouse house;
  house.add("a", a);
  house.add("b", b);
  house.ask("RCPT instance=first");   // a
  house.ask("RCPT instance=second");  // b
  // Two connections to each, so that there is something to choose.
  std::vector<std::unique_ptr<Inquirer>> many;
  for (int i = 0; i < 6; ++i) many.push_back(house.start());
  house.until([&] { return std::ranges::all_of(many, [](const auto& one) { return one->done(); }); });
  REQUIRE(a.accepted > 1);
  a.requests.clear(), b.requests.clear(), a.came_over.clear(), b.came_over.clear();
  for (int i = 0; i < 5; ++i) {
    house.ask("RCPT instance=first");
    house.ask("DATA instance=second");
  }
  CHECK(a.requests.size() == 5);
  CHECK(b.requests.size() == 5);
  CHECK(std::set<int>(a.came_over.begin(), a.came_over.end()) == std::set<int>{0});
  CHECK(std::set<int>(b.came_over.begin(), b.came_over.end()) == std::set<int>{0});
  a.stop();
  CHECK(house.ask("RCPT instance=first") == "OK");  // while it lives
  CHECK(b.requests.size() == 6);
}

TEST_CASE("a message waits for its connection where that is busy, but not for ever") {
  ScriptedServer server;
  ExchangeHouse house;
  house.add("a", server);
  house.ask("RCPT instance=m");
  server.act = {};
  const auto slow = house.start();
  house.until([&] { return server.requests.size() == 2; });
  server.act = answers("OK m");
  const auto waits = house.start("DATA instance=m");
  run_passes(house.loop, 5);
  CHECK(house.service().queued == 1);
  SECTION("it becomes free") {
    server.say("action=OK slow\n\n");
    house.until([&] { return waits->done(); });
    CHECK(server.came_over.back() == 0);
  }
  SECTION("it does not") {
    house.until([&] { return waits->done(); });
    CHECK(server.came_over.back() == 1);
    CHECK_FALSE(slow->done());
  }
  CHECK(waits->action() == "OK m");
}

TEST_CASE("a message whose connection is lost while it waits takes the next that is free") {
  ScriptedServer server;
  ExchangeHouse house;
  house.add("a", server).max_connections = 1;
  house.ask("RCPT instance=m");
  server.act = {};
  const auto slow = house.start();
  const auto first = house.start();
  const auto within = milliseconds{ServiceGroup::patience} * 9 / 10;
  const auto waits = house.start("DATA instance=m", house.policy, within);
  house.until([&] { return server.requests.size() == 2; });
  server.act = answers("OK fresh");
  server.hang_up();
  house.until([&] { return waits->done(); });
  CHECK(waits->action() == "OK fresh");
}

TEST_CASE("max_requests, max_idle and max_ttl close connections") {
  ScriptedServer server;
  ExchangeHouse house;
  auto& service = house.add("a", server);
  SECTION("max_requests") {
    service.max_requests = 2;
    for (int i = 0; i < 4; ++i) CHECK(house.ask() == "OK");
    CHECK(server.accepted == 2);
  }
  SECTION("max_idle") {
    service.max_idle = 20ms;
    CHECK(house.ask() == "OK");
    house.until([&] { return house.service().connections == 0; });
  }
  SECTION("max_ttl") {
    service.max_ttl = 20ms;
    CHECK(house.ask() == "OK");
    house.until([&] { return house.service().connections == 0; });
  }
  CHECK(house.ask() == "OK");
  CHECK(house.failures(Failure::closed) == 0);
}

TEST_CASE("active checks find a service dead, and alive again, without a client's request") {
  ScriptedServer server;
  ExchangeHouse house{{.first_back_off = 10ms}};
  house.add("a", server).check = 10ms;
  house.open();
  house.until([&] { return server.requests.size() >= 2; });
  CHECK(server.requests[0] ==
        "request=smtpd_access_policy\nprotocol_state=CONNECT\nclient_address=127.0.0.1\n\n");
  server.stop();
  house.until([&] { return house.service().state != Breaker::State::closed; });
  CHECK(house.ask() == "451 4.3.5 Policy service unavailable");  // also when a probe would be due
  server.listen();
  house.until([&] { return house.service().state == Breaker::State::closed; });
  CHECK(house.ask() == "OK");
}

TEST_CASE("a reload keeps the connections and the health of services that did not change") {
  ScriptedServer a, b, c;
  ExchangeHouse house{{.first_back_off = 1h}};
  house.add("a", a);
  house.add("b", b).priority = 5;
  house.add("c", c).priority = 5;
  b.stop();
  c.stop();
  CHECK(house.ask() == "OK");
  house.config.services[0].weight = 7;       // no matter for the connection
  house.config.services[2].timeout = 9s;     // another service
  house.reload();
  CHECK(house.service(0).connections == 1);
  CHECK(house.service(0).weight == 7);
  CHECK(house.service(1).state == Breaker::State::open);
  CHECK(house.service(2).state == Breaker::State::closed);
  CHECK(house.ask() == "OK");
  CHECK(a.accepted == 1);
  CHECK(house.open().snapshot().groups.at(0).requests == 2);
}

TEST_CASE("questions under way keep the services that they began with") {
  ScriptedServer a, b;
  ExchangeHouse house;
  house.add("a", a);
  a.act = {};
  const auto waits = house.start();
  house.until([&] { return a.requests.size() == 1; });
  house.config.services.clear();
  house.add("b", b);
  house.reload();
  CHECK(house.ask() == "OK");
  CHECK_FALSE(waits->done());
  a.hang_up();
  house.until([&] { return waits->done(); });
  CHECK(waits->action() == "451 4.3.5 Policy service unavailable");
}

TEST_CASE("mirror sends a copy to another group and logs where the answers differ, without waiting") {
  ScriptedServer ours, theirs;
  ExchangeHouse house;
  house.add("ours", ours);
  house.add("theirs", theirs).group = "new";
  house.group().mirror = "new";
  theirs.act = {};
  CHECK(house.ask("RCPT sender=a@b") == "OK");  // although the mirror hangs
  theirs.hang_up();
  theirs.act = answers("REJECT no");
  CHECK(house.ask("RCPT sender=c@d") == "OK");
  house.until([&] { return house.log.has("mirror new: 'REJECT no' where g answered 'OK': RCPT from [] from=<c@d>"); });
  CHECK(theirs.requests.back() == ours.requests.back());
  CHECK(house.open().snapshot().groups.at(0).differences >= 1);
}

TEST_CASE("a copy that waits for its mirror is whole although the request that it was made of is gone") {
  ScriptedServer ours, theirs;
  ExchangeHouse house;
  house.add("ours", ours);
  auto& service = house.add("theirs", theirs);
  service.group = "new";
  service.max_connections = 1;
  house.group().mirror = "new";
  theirs.act = {};
  CHECK(house.ask("RCPT sender=first@b") == "OK");
  house.until([&] { return theirs.requests.size() == 1; });  // and hangs
  auto second = house.start("RCPT sender=second@b");
  house.until([&] { return second->done(); });
  CHECK(house.service(1).queued == 1);
  auto& bytes = const_cast<std::string&>(second->request.bytes());
  std::fill(bytes.begin(), bytes.end(), 'x');
  second.reset();
  theirs.act = answers("REJECT no");
  theirs.say("action=OK\n\n");
  const auto* const told = "mirror new: 'REJECT no' where g answered 'OK': RCPT from [] from=<second@b>";
  house.until([&] { return house.log.has(told); });
  REQUIRE(theirs.requests.size() == 2);
  CHECK(theirs.requests[1] == ours.requests[1]);
}

TEST_CASE("whoever does not wait any more is not told, and what was sent stays sent") {
  ScriptedServer server;
  ExchangeHouse house;
  house.add("a", server).max_connections = 1;
  server.act = {};
  const auto sent = house.start(), queued = house.start();
  house.until([&] { return server.requests.size() == 1; });
  sent->asking_.reset();
  queued->asking_.reset();
  CHECK(house.service().in_flight == 1);
  CHECK(house.service().queued == 0);
  server.hang_up();
  server.act = answers("OK");
  house.until([&] { return house.service().state != Breaker::State::closed; });
  CHECK_FALSE(sent->done());
  CHECK_FALSE(queued->done());
}

TEST_CASE("a copy that nobody compares any more goes with the room, a check of its service under way") {
  ScriptedServer ours, theirs;
  ExchangeHouse house;
  house.add("ours", ours);
  auto& service = house.add("theirs", theirs);
  service.group = "new";
  service.check = 10ms;
  house.group().mirror = "new";
  ours.act = {};
  const auto waits = house.start();
  house.until([&] { return theirs.requests.size() >= 1 && house.service(1).in_flight == 0; });
  theirs.act = {};
  house.until([&] { return house.service(1).in_flight == 1; });
  waits->asking_.reset();  // the comparison has retired to the loop, which outlives the room
}

TEST_CASE("an unknown word passes with one warning") {
  ScriptedServer server;
  ExchangeHouse house;
  house.add("a", server);
  server.act = answers("our_class");
  CHECK(house.ask() == "our_class");
  CHECK(house.ask() == "our_class");
  const auto& lines = house.log.lines();
  CHECK(std::ranges::count_if(lines, [](const auto& line) { return line.find("our_class") != line.npos; }) == 1);
}

TEST_CASE("all the addresses of a name become tries in order; what was connected to is the first next time") {
  ScriptedServer first, second;
  ExchangeHouse house;
  house.add("a", first).max_requests = 1;  // a connection for each request
  Config::Service other;
  other.address = second.endpoint();
  Diagnostics none;
  auto addresses = resolve_services(house.config.services, {}, none);
  auto& list = addresses.begin()->second;
  const auto more = resolve_services({other}, {}, none).begin()->second;
  list.insert(list.end(), more.begin(), more.end());
  house.open().use(house.config, addresses);
  const auto ask = [&] {
    const auto waits = house.start();
    house.until([&] { return second.step(), waits->done(); });
    return waits->action();
  };
  first.stop();
  second.act = answers("OK second");
  CHECK(ask() == "OK second");
  CHECK(house.failures(Failure::refused) == 0);
  first.listen();
  CHECK(ask() == "OK second");
  CHECK(first.accepted == 0);
  second.stop();
  CHECK(ask() == "OK");  // and round again
}

TEST_CASE("an address that turns out to be one of our own listeners is not asked") {
  using Kind = Endpoint::Kind;
  const TemporaryDirectory directory;
  const auto socket = directory.path() + "/socket", link = directory.path() + "/link";
  std::ofstream{socket};
  std::filesystem::create_symlink(socket, link);
  struct Case { Endpoint service, listener; bool ours; };
  const Case cases[] = {
      {{.host = "127.1", .port = 25}, {.host = "127.0.0.1", .port = 25}, true},
      {{.host = "::ffff:127.0.0.1", .port = 25}, {.host = "127.0.0.1", .port = 25}, true},
      {{.host = "::ffff:127.0.0.1", .port = 25}, {.port = 25}, true},
      {{.host = "127.0.0.9", .port = 25}, {.host = "0.0.0.0", .port = 25}, true},
      {{.host = "0.0.0.0", .port = 25}, {.host = "127.0.0.1", .port = 25}, true},
      {{.host = "127.0.0.1", .port = 26}, {.port = 25}, false},
      {{.host = "127.0.0.9", .port = 25}, {.host = "127.0.0.1", .port = 25}, false},
      {{.host = "192.0.2.1", .port = 25}, {.port = 25}, false},
      {{.kind = Kind::local, .path = link}, {.kind = Kind::local, .path = socket}, true},
      {{.kind = Kind::local, .path = directory.path() + "/none"}, {.kind = Kind::local, .path = socket}, false},
      {{.kind = Kind::local, .path = socket}, {.port = 25}, false},
  };
  for (const auto& [address, listener, ours] : cases) {
    CAPTURE(to_string(address), to_string(listener));
    Config::Service service;
    service.address = address;
    Diagnostics diagnostics;
    CHECK(resolve_services({service}, {listener}, diagnostics).begin()->second.empty() == ours);
    CHECK(diagnostics.size() == (ours ? 1 : 0));
  }
}

TEST_CASE("a name without an address is a warning, and its service fails") {
  Config::Service service;
  service.name = "a";
  service.group = "g";
  service.address = Endpoint{.host = "no-such-host.invalid", .port = 25};
  Diagnostics diagnostics;
  CHECK(resolve_services({service}, {}, diagnostics).begin()->second.empty());
  REQUIRE(diagnostics.size() == 1);
  CHECK(summary(diagnostics[0]).find("service a: no address for 'no-such-host.invalid'") != std::string::npos);
  ExchangeHouse house;
  house.config.services.push_back(service);
  CHECK(house.ask() == "451 4.3.5 Policy service unavailable");
  CHECK(house.failures(Failure::no_address) == 1);
}

namespace {

// "service:how it ended", of each try.
UpstreamOptions note_tries(std::vector<std::string>& tries) {
  return {.on_try = [&tries](const TryReport& report) {
    tries.push_back(report.service.name + ":" + std::string{report.action} + std::string{report.failure});
  }};
}

}  // namespace

TEST_CASE("each try is reported to whoever wants to know") {
  ScriptedServer bad, good;
  std::vector<std::string> tries;
  ExchangeHouse house{note_tries(tries)};
  house.add("bad", bad);
  house.add("good", good).priority = 20;
  bad.act = answers("550");
  CHECK(house.ask() == "OK");
  CHECK(tries == std::vector<std::string>{"bad:invalid action", "good:OK"});
}

TEST_CASE("a try that is given up is reported as well, once, with the reason") {
  ScriptedServer hung;
  std::vector<std::string> tries;
  ExchangeHouse house{note_tries(tries)};
  house.add("hung", hung);
  hung.act = {};
  SECTION("at the group's deadline") {
    house.group().deadline = 50ms;
    house.ask();
    CHECK(tries == std::vector<std::string>{"hung:given up at the group's deadline"});
  }
  SECTION("since the client is gone") {
    auto waits = house.start();
    house.until([&] { return hung.requests.size() == 1; });
    waits.reset();
    CHECK(tries == std::vector<std::string>{"hung:nobody waits for it any more"});
  }
  hung.say("action=OK late\n\n");
  house.until([&] { return house.service().figures.answers == 1; });
  CHECK(tries.size() == 1);
}
