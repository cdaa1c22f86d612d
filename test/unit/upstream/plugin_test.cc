// Services that are programs: small shell scripts, and what becomes of them.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "support/catch.h"
#include "support/temporary_directory.h"
#include "unit/upstream/exchange_house.h"

using namespace policymux;
using namespace policymux::test;

namespace {

// Answers each request with what the shell makes of `action`; `$$` is its process.
std::string answering(const std::string& action) {
  return "while read -r line; do [ -n \"$line\" ] || { " + action + "; echo; }; done\n";
}
const std::string own_number = answering("echo action=OK $$");

class Workshop {
 public:
  explicit Workshop(const std::string& script, UpstreamOptions options = {}) : house{std::move(options)} {
    auto& service = house.config.services.emplace_back();
    service.name = "plug";
    service.group = "g";
    write(script);
    service.address = Config::Command{{"/bin/sh", path()}};
    service.workers = {1, 4};
  }
  ~Workshop() { stop(); }

  Config::Service& settings() { return house.config.services.front(); }
  std::string path(const std::string& name = "script") const { return directory.path() + "/" + name; }
  void write(const std::string& script) { std::ofstream{path()} << script; }
  // Lines that the script has written there.
  std::vector<std::string> lines(const std::string& name) const {
    std::ifstream file{path(name)};
    std::vector<std::string> out;
    for (std::string line; std::getline(file, line);) out.push_back(line);
    return out;
  }

  WorkersSnapshot workers() { return *house.service().workers; }
  // The process that answers.
  pid_t ask_for_number() {
    const auto action = house.ask();
    REQUIRE(action.starts_with("OK "));
    return std::atoi(action.c_str() + 3);
  }
  void wait_for(const std::string& line) {
    house.until([&] { return house.log.has(line); });
  }
  std::ptrdiff_t count(const std::string& text) {
    return std::ranges::count_if(house.log.lines(), [&](const auto& line) { return line.find(text) != line.npos; });
  }
  void stop() {
    bool done = false;
    house.open().stop([&] { done = true; });
    house.until([&] { return done; });
  }

  TemporaryDirectory directory{};
  ExchangeHouse house;
};

bool is_alive(pid_t pid) { return ::kill(pid, 0) == 0; }

}  // namespace

TEST_CASE("a plug-in is asked like any other service") {
  Workshop shop{answering("echo \"action=REJECT no\"")};
  CHECK(shop.house.ask() == "REJECT no");
  CHECK(shop.house.ask() == "REJECT no");
  CHECK(shop.workers().started == 1);
  CHECK(shop.house.service().figures.answers == 2);
}

TEST_CASE("a worker that is killed is replaced at once, and its request goes to another one") {
  Workshop shop{answering("[ -e $0.stay ] && echo action=OK $$ || { touch $0.stay; kill -9 $$; }")};
  shop.settings().workers = {2, 4};
  CHECK(shop.house.ask().starts_with("OK "));
  CHECK(shop.house.service().figures.replaced == 1);
  CHECK(shop.house.service().state == Breaker::State::closed);
  shop.house.until([&] { return shop.workers().failed == 1; });
  const auto one = shop.ask_for_number();
  ::kill(one, SIGKILL);
  shop.house.until([&] { return shop.workers().failed == 2; });
  CHECK(shop.house.log.has("is replaced: killed by signal 9"));
  CHECK(shop.workers().running == 2);
  CHECK(shop.ask_for_number() != one);
}

TEST_CASE("a request that kills every worker is tried twice") {
  Workshop shop{answering("echo x >> $0.tries; kill -9 $$")};
  shop.settings().workers = {4, 4};
  CHECK(shop.house.ask() == "451 4.3.5 Policy service unavailable");
  CHECK(shop.lines("script.tries").size() == 2);
}

TEST_CASE("a worker that hangs is ended, and its children with it") {
  Workshop shop{"trap '' TERM\n" + answering("sleep 1000 & echo $! > $0.child; echo $$ > $0.pid; wait")};
  shop.settings().timeout = 100ms;
  shop.settings().workers = {1, 1};
  CHECK(shop.house.ask() == "451 4.3.5 Policy service unavailable");
  CHECK(shop.house.failures(Failure::timed_out) == 1);
  const auto child = std::atoi(shop.lines("script.child").at(0).c_str());
  const auto worker = std::atoi(shop.lines("script.pid").at(0).c_str());
  shop.house.until([&] { return !is_alive(worker); });  // SIGTERM did nothing
  shop.house.until([&] { return !is_alive(child); });
}

TEST_CASE("a worker that talks nonsense is ended and replaced") {
  struct Case { std::string says; Failure failure; };
  const Case cases[] = {{"echo nonsense", Failure::garbage}, {"echo action=550", Failure::invalid_action}};
  for (const auto& [says, failure] : cases) {
    CAPTURE(says);
    Workshop shop{answering("echo $$ >> $0.pid; " + says)};
    shop.settings().workers = {2, 4};
    CHECK(shop.house.ask() == "451 4.3.5 Policy service unavailable");
    CHECK(shop.house.failures(failure) == 1);
    const auto tries = shop.lines("script.pid");
    REQUIRE(tries.size() == 2);
    for (const auto& pid : tries) shop.house.until([&] { return !is_alive(std::atoi(pid.c_str())); });
  }
}

TEST_CASE("a worker that speaks unasked is ended, and its answer counts") {
  Workshop shop{answering("echo $$ > $0.pid; printf 'action=OK first\\n\\naction=OK second\\n'")};
  CHECK(shop.house.ask() == "OK first");
  CHECK(shop.house.service().figures.unasked == 1);
  shop.house.until([&] { return !is_alive(std::atoi(shop.lines("script.pid").at(0).c_str())); });
}

TEST_CASE("a program that never starts is reported once, with its end and its words, and does not spin") {
  Workshop shop{"echo x >> $0.starts; echo 'no such module' >&2; exit 7\n", {.first_back_off = 40ms}};
  shop.settings().workers = {4, 8};
  shop.house.open();
  shop.house.until([&] { return shop.lines("script.starts").size() >= 7; });  // 40, 80 and 160 ms later
  CHECK(shop.count("its program fails: exit status 7") == 1);
  CHECK(shop.count("no such module") == 1);
  CHECK(shop.house.service().state != Breaker::State::closed);
  CHECK(shop.house.service().reason == "exit status 7: no such module");
  CHECK(shop.house.ask() == "451 4.3.5 Policy service unavailable");
  shop.write(own_number);
  shop.house.until([&] { return shop.workers().running > 0; });
  CHECK(shop.house.ask().starts_with("OK"));
  CHECK(shop.count("its program works again") == 1);
  CHECK(shop.workers().running == 4);
}

TEST_CASE("a program that speaks before it is asked is reported once") {
  Workshop shop{"echo hello\n" + own_number, {.first_back_off = 20ms}};
  shop.house.open();
  shop.house.until([&] { return shop.workers().started >= 3; });
  CHECK(shop.count("its program fails: it sent more than it was asked for") == 1);
  CHECK(shop.house.service().figures.unasked >= 2);
}

TEST_CASE("a program that is not there is reported once") {
  Workshop shop{""};
  shop.settings().address = Config::Command{{"/nonexistent/program"}};
  CHECK(shop.house.ask() == "451 4.3.5 Policy service unavailable");
  CHECK(shop.count("its program fails: it cannot be started: /nonexistent/program: No such file or directory") == 1);
  CHECK(shop.workers().started == 0);
}

// It was run from the directory that it starts in.
TEST_CASE("a program given without any '/' is run from PATH or not at all") {
  Workshop shop{"#!/bin/sh\n" + own_number};
  const std::string name = "policymux-is-not-in-path";
  std::filesystem::permissions(shop.path(), std::filesystem::perms::owner_all);
  std::filesystem::rename(shop.path(), shop.path(name));
  shop.settings().address = Config::Command{{name}};
  shop.settings().directory = shop.directory.path();
  CHECK(shop.house.ask() == "451 4.3.5 Policy service unavailable");
  CHECK(shop.count("its program fails: it cannot be started: " + name + ": not found in PATH") == 1);
  CHECK(shop.workers().started == 0);
}

TEST_CASE("workers are added while requests wait, and go when they are not needed") {
  Workshop shop{answering("while [ ! -e $0.go ]; do sleep 0.01; done; echo action=OK $$")};
  shop.settings().max_idle = 50ms;
  std::vector<std::unique_ptr<Inquirer>> inquirers;
  for (int i = 0; i < 6; ++i) inquirers.push_back(shop.house.start());
  shop.house.until([&] { return shop.workers().busy == 4; });
  CHECK(shop.workers().started == 4);
  std::ofstream{shop.path("script.go")};
  for (const auto& inquirer : inquirers) shop.house.until([&] { return inquirer->done(); });
  shop.house.until([&] { return shop.workers().running == 1; });
  CHECK(shop.workers().failed == 0);
}

// The number of those that may go was taken from before some of them went: a daemon with slow requests crashed.
TEST_CASE("idle workers go while others are busy for long") {
  // The sender names the file that the answer waits for.
  Workshop shop{"while read -r line; do case $line in sender=*) gate=$0.${line#sender=};; esac; [ -n \"$line\" ] || {"
                " while [ ! -e $gate ]; do sleep 0.01; done; echo action=OK; echo; }; done\n"};
  shop.settings().workers = {1, 8};
  shop.settings().max_idle = 30ms;
  std::vector<std::unique_ptr<Inquirer>> soon, late;
  for (int i = 0; i < 3; ++i) soon.push_back(shop.house.start("RCPT sender=soon"));
  for (int i = 0; i < 5; ++i) late.push_back(shop.house.start("RCPT sender=late"));
  shop.house.until([&] { return shop.workers().busy == 8; });
  std::ofstream{shop.path("script.soon")};
  for (const auto& one : soon) shop.house.until([&] { return one->done(); });
  shop.house.until([&] { return shop.workers().running == 5; });
  const auto some_looks_later = shop.house.loop.now() + 100ms;
  shop.house.until([&] { return shop.house.loop.now() > some_looks_later; });
  CHECK(shop.workers().busy == 5);
  std::ofstream{shop.path("script.late")};
  for (const auto& one : late) shop.house.until([&] { return one->done(); });
  shop.house.until([&] { return shop.workers().running == 1; });
}

TEST_CASE("one request that it cannot stand does not switch a plug-in off for others, two in a row do") {
  Workshop shop{answering("[ -e $0.bad ] && echo action=550 || echo action=OK $$")};
  shop.settings().workers = {2, 4};
  shop.ask_for_number();
  const auto ask_badly = [&] {
    std::ofstream{shop.path("script.bad")};
    CHECK(shop.house.ask() == "451 4.3.5 Policy service unavailable");
    std::filesystem::remove(shop.path("script.bad"));
  };
  ask_badly();
  CHECK(shop.house.service().state == Breaker::State::closed);
  shop.ask_for_number();
  ask_badly();
  shop.ask_for_number();
  ask_badly();
  ask_badly();
  CHECK(shop.house.service().state != Breaker::State::closed);
}

TEST_CASE("where there is no other worker, what was wrong with the only one is told") {
  Workshop shop{answering("echo action=550")};
  shop.settings().workers = {1, 1};
  CHECK(shop.house.ask() == "451 4.3.5 Policy service unavailable");
  CHECK(shop.house.failures(Failure::invalid_action) == 1);
  CHECK(shop.house.failures(Failure::ours) == 0);
  CHECK(shop.house.service().figures.replaced == 0);
}

TEST_CASE("a worker whose process has ended is none, whoever holds its socket") {
  Workshop shop{"setsid sleep 1000 & echo $! > $0.child\n" + own_number};
  shop.settings().workers = {1, 1};
  const auto before = shop.ask_for_number();
  ::kill(before, SIGKILL);
  shop.house.until([&] { return shop.workers().failed == 1; });
  CHECK(shop.ask_for_number() != before);
  CHECK(shop.house.failures(Failure::timed_out) == 0);
  for (const auto& child : shop.lines("script.child")) ::kill(std::atoi(child.c_str()), SIGKILL);
}

TEST_CASE("a worker is replaced after max_requests, and leaves by itself") {
  Workshop shop{own_number + "echo $$ >> $0.left\n"};
  shop.settings().max_requests = 2;
  std::vector<pid_t> pids;
  for (int i = 0; i < 6; ++i) pids.push_back(shop.ask_for_number());
  CHECK(pids[0] == pids[1]);
  CHECK(pids[2] == pids[3]);
  CHECK(std::set<pid_t>{pids.begin(), pids.end()}.size() == 3);
  shop.house.until([&] { return shop.lines("script.left").size() == 3; });
  CHECK(shop.workers().failed == 0);
}

TEST_CASE("a worker is replaced when it is as old as max_ttl, idle as it may be") {
  Workshop shop{own_number};
  shop.settings().max_ttl = 50ms;
  const auto first = shop.ask_for_number();
  shop.house.until([&] { return shop.workers().started == 3; });
  shop.house.until([&] { return !is_alive(first); });
  CHECK(shop.workers().failed == 0);
}

TEST_CASE("requests about one message go to the worker that answered last about it") {
  Workshop shop{own_number};
  shop.settings().workers = {4, 4};
  shop.house.open();
  const auto first = shop.house.ask("RCPT instance=7");
  for (int i = 0; i < 3; ++i) {
    const auto other = shop.house.start("RCPT instance=8");
    CHECK(shop.house.ask("RCPT instance=7") == first);
    shop.house.until([&] { return other->done(); });
  }
}

TEST_CASE("a worker has a clean environment, its directory, no signal ignored and no descriptor of ours") {
  Workshop shop{"{ env | sort; pwd; grep Sig[BI] /proc/self/status; ls /proc/$$/fd; } > $1; " + own_number};
  const auto report = shop.path("report");
  shop.settings().address = Config::Command{{"/bin/sh", shop.path(), report}};
  shop.settings().directory = shop.directory.path();
  shop.settings().environment = {"COLOUR=blue green", "LANG=C"};
  shop.settings().workers = {1, 1};
  ::setenv("POLICYMUX_SECRET", "x", 1);
  ::signal(SIGPIPE, SIG_IGN);
  CHECK(shop.house.ask().starts_with("OK"));
  ::signal(SIGPIPE, SIG_DFL);
  ::unsetenv("POLICYMUX_SECRET");
  auto lines = shop.lines("report");
  std::erase_if(lines, [](const auto& line) { return line.starts_with("_=") || line.starts_with("PWD="); });
  const auto at = std::ranges::find(lines, shop.directory.path());
  REQUIRE(at != lines.end());
  CHECK(std::vector<std::string>{lines.begin(), at} ==
        std::vector<std::string>{"COLOUR=blue green", "LANG=C",
                                 "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"});
  constexpr auto ordinary = 0x7fffffffull;  // glibc has ideas of its own about 32 and 33
  const auto signals = [](const std::string& line) { return std::stoull(line.substr(8), nullptr, 16); };
  CHECK((signals(at[1]) & ordinary) == 0);  // SigBlk
  CHECK((signals(at[2]) & ordinary) == 0);  // SigIgn
  const auto is_standard = [](const std::string& fd) { return std::stoi(fd) <= 2 || std::stoi(fd) >= 10; };
  CHECK(std::all_of(at + 3, lines.end(), is_standard));  // from 10 on: the shell's own
}

TEST_CASE("what a worker writes to standard error is logged with the service's name, a flood only in part") {
  Workshop shop{"echo begun >&2; " + answering("seq 1 1000 >&2; echo action=OK")};
  shop.house.open();
  shop.wait_for("begun");
  CHECK(shop.house.ask() == "OK");
  shop.wait_for("lines about its workers were left out");
  CHECK(shop.count("service plug [") < 120);
  CHECK(shop.count("]: 17") == 1);
}

TEST_CASE("a reload replaces the workers of a plug-in only if its definition has changed") {
  Workshop shop{own_number};
  const auto before = shop.ask_for_number();
  shop.settings().priority = 20;
  shop.house.reload();
  CHECK(shop.ask_for_number() == before);
  shop.settings().environment = {"A=b"};
  shop.house.reload();
  CHECK(shop.ask_for_number() != before);
  shop.house.until([&] { return !is_alive(before); });
}

TEST_CASE("an active check keeps a plug-in's state") {
  Workshop shop{answering("[ -e $0.bad ] && echo nonsense || echo action=OK"), {.first_back_off = 20ms}};
  shop.settings().check = 20ms;
  shop.house.open();
  shop.house.until([&] { return shop.house.service().figures.answers > 1; });
  std::ofstream{shop.path("script.bad")};
  shop.house.until([&] { return shop.house.service().state != Breaker::State::closed; });
  std::filesystem::remove(shop.path("script.bad"));
  shop.house.until([&] { return shop.house.service().state == Breaker::State::closed; });
}

TEST_CASE("a stop lets workers finish, and kills those that do not leave") {
  Workshop shop{"trap '' TERM\necho $$ > $0.pid\n" + own_number + "[ -e $0.stay ] && sleep 1000\ntouch $0.left\n"};
  shop.ask_for_number();
  const auto pid = std::atoi(shop.lines("script.pid").at(0).c_str());
  SECTION("one that leaves") {
    shop.stop();
    CHECK(std::filesystem::exists(shop.path("script.left")));
  }
  SECTION("one that stays") {
    std::ofstream{shop.path("script.stay")};
    shop.stop();
    CHECK_FALSE(std::filesystem::exists(shop.path("script.left")));
  }
  shop.house.until([&] { return !is_alive(pid); });
}
