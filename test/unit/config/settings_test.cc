#include "config/settings.h"

#include <fmt/core.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>

#include "base/text.h"
#include "support/catch.h"

using namespace policymux;
using namespace std::chrono_literals;

namespace {

Config parsed(const std::string& text, const std::string& path = "/etc/policymux/main.conf") {
  Diagnostics diagnostics;
  auto config = parse_config(text, path, ConfigDialect::policymux, diagnostics);
  for (const auto& diagnostic : diagnostics) UNSCOPED_INFO(render(diagnostic));
  REQUIRE(config);
  return *std::move(config);
}

// Something else than the default in every kind of section.
const char* const rich = R"(
[main]
listen = inet:1, inet:[::1]:2, unix:/run/p
socket_group = mail
idle_timeout = none
log_to = journal
log_decisions = none
recipient_delimiter = +-
syslog_facility = local3
restriction_classes = a b c
[service one]
address = exec:/bin/x "a b" "" "say \"hi\\" plain\back
environment = A=1 "B=2 3"
max_idle = 90s
workers = 7
[service two]
address = inet:mx.example:99
max_requests = 1000
[group one]
balance = hash:client_address
default_action = DEFER  two   blanks
retries = 0
[dns]
nameservers = 192.0.2.1 192.0.2.2:54
[store]
engine = redis
url = redis://127.0.0.1:6379/0
[table t]
type = ldap
base = dc=example, dc=org
[lua]
path = /x.lua
[admin]
listen = inet:127.0.0.1:8080
)";

}  // namespace

TEST_CASE("every setting belongs to a section, once, and tells what it is for") {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (const auto& setting : settings()) {
    CAPTURE(setting.section, setting.name);
    const auto* type = find_section(setting.section);
    REQUIRE(type != nullptr);
    CHECK(seen.emplace(setting.section, setting.name).second);
    CHECK(find_setting(setting.section, setting.name) == &setting);
    CHECK(setting.help.ends_with('.'));
    CHECK_FALSE((type->named && setting.on_reload == OnReload::sealed));
  }
  CHECK(find_setting("main", "address") == nullptr);
  CHECK(find_section("mian") == nullptr);
}

TEST_CASE("a default that stands in the sample is the default that applies") {
  const Config config;
  for (const auto& setting : settings()) {
    if (find_section(setting.section)->named) continue;
    CAPTURE(setting.section, setting.name);
    const auto shown = setting.show(config, 0);
    if (shown.empty() || setting.name == "policy_path") continue;  // decided at start, by what is there
    auto other = config;
    CHECK(setting.set(other, 0, setting.sample));
    CHECK(other == config);
  }
}

TEST_CASE("a setting that is refused changes nothing") {
  for (const auto& setting : settings()) {
    Config config;
    config.services.emplace_back();
    config.groups.emplace_back();
    config.tables.emplace_back();
    const auto before = config;
    CAPTURE(setting.section, setting.name);
    if (!setting.set(config, 0, "\x01 \"")) CHECK(config == before);
  }
}

TEST_CASE("a dump loads back to an equal configuration") {
  for (const auto* text : {"", rich}) {
    const auto config = parsed(text);
    const auto dumped = dump(config);
    CAPTURE(dumped);
    CHECK(parsed(dumped) == config);
    CHECK(parsed(dumped, "/elsewhere/main.conf") == config);
    CHECK(dump(parsed(dumped)) == dumped);
  }
}

TEST_CASE("a dump folds long values where joining the lines gives the same again") {
  Config config;
  config.main.restriction_classes.clear();
  for (int i = 0; i < 60; ++i) config.main.restriction_classes.push_back("class_" + std::to_string(i));
  auto& group = config.groups.emplace_back();
  group.name = "g";
  group.default_action = "450 4.7.1 ";
  for (int i = 0; i < 40; ++i) group.default_action += "wait  twice # here, #there ";
  group.default_action += "end";
  const auto dumped = dump(config);
  CAPTURE(dumped);
  CHECK(parsed(dumped) == config);
  for (const auto line : split_words(dumped, "\n")) CHECK(line.size() < 180);
}

TEST_CASE("the sample is all defaults") {
  CHECK(parsed(sample()) == Config{});
  Diagnostics diagnostics;
  CHECK(parse_config(sample(), "main.conf", ConfigDialect::policymux, diagnostics));
  CHECK(diagnostics.empty());
}

TEST_CASE("the sample names every setting and fits a terminal") {
  const auto text = sample();
  for (const auto& setting : settings()) {
    CAPTURE(setting.name);
    CHECK(text.find(fmt::format("\n#{} =", setting.name)) != text.npos);
  }
  for (const auto line : split_words(text, "\n")) { CAPTURE(line); CHECK(line.size() < 80); }
}

TEST_CASE("the sample, with the '#' taken off its settings, loads") {
  const auto commented = sample();
  std::string text;
  for (const auto line : split_words(commented, "\n")) {
    const bool setting = line.size() > 1 && line[0] == '#' && line[1] != ' ';
    const auto bare = line.substr(setting ? 1 : 0);
    if (setting && bare.ends_with(" =")) continue;  // nothing is the default
    text += std::string{bare} + '\n';
  }
  const auto config = parsed(text);
  CHECK(config.services.size() == 1);
  CHECK(config.main.socket_group == "postfix");
}

TEST_CASE("conf/main.conf is the sample") {
  std::ifstream file{POLICYMUX_SOURCE_DIR "/conf/main.conf"};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  if (text == sample()) return;
  if (const char* path = std::getenv("POLICYMUX_WRITE_SAMPLE")) std::ofstream{path} << sample();
  FAIL("conf/main.conf is out of date: run this test with POLICYMUX_WRITE_SAMPLE=conf/main.conf");
}

TEST_CASE("a reload keeps sealed settings as they run and names them") {
  Config running;
  auto fresh = running;
  CHECK(changes(running, fresh).config == running);
  CHECK(changes(running, fresh).sealed.empty());

  fresh.main.listen = {{.port = 7}};
  fresh.main.user = "mail";
  fresh.main.timeout = 9s;
  fresh.main.log_level = Level::debug;
  fresh.store.engine = StoreEngine::memory;
  fresh.groups.emplace_back().name = "g";
  const auto changed = changes(running, fresh);
  CHECK(changed.sealed == std::vector<std::string>{"main.listen", "main.user", "store.engine"});
  auto want = fresh;
  want.main.listen = running.main.listen;
  want.main.user = running.main.user;
  want.store.engine = running.store.engine;
  CHECK(changed.config == want);
}

TEST_CASE("what a running daemon may change without a restart") {
  for (const auto* name : {"timeout", "deadline", "idle_timeout", "request_timeout", "log_level", "log_decisions",
                           "allow", "restriction_classes", "recipient_delimiter", "prepend_once", "policy_path"}) {
    CHECK(find_setting("main", name)->on_reload == OnReload::applies);
  }
  for (const auto* name : {"listen", "socket_mode", "socket_owner", "socket_group", "user", "group", "chroot"}) {
    CHECK(find_setting("main", name)->on_reload == OnReload::sealed);
  }
}
