#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <random>

#include "config/config.h"
#include "config/settings.h"
#include "support/catch.h"

using namespace policymux;
using namespace std::chrono_literals;

namespace {

struct Loaded {
  std::optional<Config> config;
  std::vector<std::string> told;  // summaries, hints included
};

Loaded load(std::string_view text, ConfigDialect dialect = ConfigDialect::policymux,
            const std::string& path = "/etc/p/main.conf") {
  Diagnostics diagnostics;
  auto config = parse_config(text, path, dialect, diagnostics);
  CHECK(config.has_value() != has_errors(diagnostics));
  Loaded loaded{std::move(config), {}};
  for (const auto& diagnostic : diagnostics) {
    const auto line = summary(diagnostic);
    loaded.told.push_back(line.starts_with(path + ':') ? line.substr(path.size() + 1) : line);
  }
  return loaded;
}

Loaded load_apolicy(std::string_view text) { return load(text, ConfigDialect::apolicy); }

using Told = std::vector<std::string>;

// The one setting of [main] in a file of nothing else.
template <class T>
T main_setting(T Config::Main::*field, std::string_view line) {
  CAPTURE(line);
  const auto loaded = load("[main]\n" + std::string{line} + "\n");
  CHECK(loaded.told == Told{});
  REQUIRE(loaded.config);
  return loaded.config->main.*field;
}

std::string told_about(std::string_view line) {
  CAPTURE(line);
  const auto loaded = load("[main]\n" + std::string{line} + "\n");
  CHECK_FALSE(loaded.config);
  REQUIRE(loaded.told.size() == 1);
  return loaded.told.front();
}

}  // namespace

TEST_CASE("an empty file is all defaults, with policy.conf beside it") {
  const auto loaded = load("");
  REQUIRE(loaded.config);
  Config want;
  want.main.policy_path = "/etc/p/policy.conf";
  CHECK(*loaded.config == want);
  CHECK(loaded.told == Told{});
  CHECK(default_config() == Config{});
}

TEST_CASE("the defaults are those of the manual") {
  const auto main = default_config().main;
  CHECK(main.listen == std::vector<Endpoint>{{.host = "127.0.0.1", .port = 10001}});
  CHECK(main.socket_mode == 0660);
  CHECK(main.timeout == 5s);
  CHECK(main.deadline == 75s);
  CHECK(main.allow == std::vector<std::string>{"127.0.0.0/8", "::1"});
  CHECK(main.max_connections == 10000);
  CHECK(main.max_request_bytes == 65536);
  CHECK(main.max_attributes == 256);
  CHECK(main.idle_timeout == std::nullopt);
  CHECK(main.request_timeout == 30s);
  CHECK(main.recipient_delimiter == "+");
  CHECK(main.prepend_once);
  CHECK(main.watch_files);
  CHECK(main.log_to == std::nullopt);
  CHECK(main.log_level == Level::info);
  CHECK(main.log_decisions == LogDecisions::matched);
  CHECK(main.syslog_facility == Facility::mail);
  CHECK(main.syslog_name == "policymux");
  CHECK(main.policy_path == "/etc/policymux/policy.conf");
}

TEST_CASE("settings of main are read into their types") {
  using M = Config::Main;
  CHECK(main_setting(&M::listen, "listen = inet:10001, inet:[::1]:7 unix:/run/p") ==
        std::vector<Endpoint>{
            {.port = 10001}, {.host = "::1", .port = 7}, {.kind = Endpoint::Kind::local, .path = "/run/p"}});
  CHECK(main_setting(&M::socket_mode, "socket_mode = 0666") == 0666);
  CHECK(main_setting(&M::socket_mode, "socket_mode=660") == 0660);
  CHECK(main_setting(&M::socket_group, "socket_group = mail") == "mail");
  CHECK(main_setting(&M::socket_group, "socket_group =").empty());
  CHECK(main_setting(&M::user, "user = root") == "root");
  CHECK(main_setting(&M::chroot, "chroot = /var/empty") == "/var/empty");
  CHECK(main_setting(&M::policy_path, "policy_path = /srv/p.conf") == "/srv/p.conf");
  CHECK(main_setting(&M::policy_path, "policy_path = ../x/p.conf") == "/etc/x/p.conf");
  CHECK(main_setting(&M::timeout, "timeout = 7") == 7s);
  CHECK(main_setting(&M::deadline, "deadline = 99999ms") == 99999ms);
  CHECK(main_setting(&M::allow, "allow = 10.0.0.0/8,2001:db8::/32 192.0.2.1-192.0.2.9") ==
        std::vector<std::string>{"10.0.0.0/8", "2001:db8::/32", "192.0.2.1-192.0.2.9"});
  CHECK(main_setting(&M::max_connections, "max_connections = 7") == 7);
  CHECK(main_setting(&M::max_request_bytes, "max_request_bytes = 1M") == 1048576);
  CHECK(main_setting(&M::max_attributes, "max_attributes = 40") == 40);
  CHECK(main_setting(&M::idle_timeout, "idle_timeout = 20m") == std::optional<milliseconds>{20min});
  CHECK(main_setting(&M::idle_timeout, "idle_timeout = none") == std::optional<milliseconds>{0s});
  CHECK(main_setting(&M::idle_timeout, "idle_timeout = 0") == std::optional<milliseconds>{0s});
  CHECK(main_setting(&M::idle_timeout, "idle_timeout =") == std::nullopt);
  CHECK(main_setting(&M::restriction_classes, "restriction_classes = strict, lax") ==
        std::vector<std::string>{"strict", "lax"});
  CHECK(main_setting(&M::recipient_delimiter, "recipient_delimiter = +-") == "+-");
  CHECK(main_setting(&M::recipient_delimiter, "recipient_delimiter =").empty());
  CHECK(main_setting(&M::recipient_delimiter, "recipient_delimiter = #") == "#");
  CHECK_FALSE(main_setting(&M::prepend_once, "prepend_once = no"));
  CHECK(main_setting(&M::log_to, "log_to = stderr") == LogTarget::standard_error);
  CHECK(main_setting(&M::log_level, "log_level = debug") == Level::debug);
  CHECK(main_setting(&M::log_decisions, "log_decisions = all") == LogDecisions::all);
  CHECK(main_setting(&M::syslog_facility, "syslog_facility = local7") == Facility::local7);
  CHECK(main_setting(&M::syslog_name, "syslog_name = postfix/policy") == "postfix/policy");
}

TEST_CASE("a value that does not fit says what was wanted, and where") {
  struct Case { std::string_view line, want; };
  static constexpr Case cases[] = {
      {"request_timeout = 5 parsecs",
       "2:19: error: request_timeout: \"5 parsecs\": want a number and a unit, as in 250ms, 30s, 5m, 2h or 1d"},
      {"timeout=", "2:9: error: timeout: \"\": want a number and a unit, as in 250ms, 30s, 5m, 2h or 1d"},
      {"timeout = 0", "2:11: error: timeout: \"0\": want at least 1ms"},
      {"deadline = 100", "2:12: error: deadline: \"100\": want less than 100s"},
      {"listen =", "2:9: error: listen: \"\": want at least one"},
      {"listen = inet:1 unix:run/p",
       "2:10: error: listen: \"unix:run/p\": want an absolute path, as in unix:/run/policymux/socket"},
      {"listen = inet:host:99999",
       "2:10: error: listen: \"inet:host:99999\": want a port from 1 to 65535 at the end, as in inet:127.0.0.1:10001"},
      {"listen = inet:1, inet:1", "2:10: error: listen: inet:1 twice"},
      {"socket_mode = 888", "2:15: error: socket_mode: \"888\": want an octal mode, as in 0660"},
      {"socket_mode = 2770", "2:15: error: socket_mode: \"2770\": want an octal mode, as in 0660"},
      {"socket_owner = a b", "2:16: error: socket_owner: \"a b\": want a name of letters, digits, '_', '.' and '-'"},
      {"chroot = here", "2:10: error: chroot: \"here\": want a path that begins with '/'"},
      {"policy_path =", "2:14: error: policy_path: \"\": want a text"},
      {"allow = localhost",
       "2:9: error: allow: \"localhost\": want an address or a network, as in 192.0.2.1, 192.0.2.0/24 or "
       "2001:db8::/32"},
      {"max_connections = 0", "2:19: error: max_connections: \"0\": want a number from 1 to 1000000"},
      {"max_attributes = 65536", "2:18: error: max_attributes: \"65536\": want a number from 1 to 65535"},
      {"max_request_bytes = 64 K",
       "2:21: error: max_request_bytes: \"64 K\": want a size from 1 to 16M, as in 512, 64K or 10M"},
      {"idle_timeout = never",
       "2:16: error: idle_timeout: \"never\": want a number and a unit, as in 250ms, 30s, 5m, 2h or 1d, or none"},
      {"recipient_delimiter = ab",
       "2:23: error: recipient_delimiter: \"ab\": want punctuation characters, as in + or +-, or nothing"},
      {"prepend_once = true", "2:16: error: prepend_once: \"true\": want yes or no"},
      {"log_to = file", "2:10: error: log_to: \"file\": want syslog, stderr or journal"},
      {"log_level = Info", "2:13: error: log_level: \"Info\": want debug, info, warning or error"},
      {"syslog_name = a:b",
       "2:15: error: syslog_name: \"a:b\": want one word of at most 48 characters without ':' and brackets"}};
  for (const auto& [line, want] : cases) CHECK(told_about(line) == want);
}

// "An unknown section or key, a repeated key, a value that does not fit are errors with file:line; all of them are
// told at once."
TEST_CASE("every mistake of a file is told in one run, in the order of the lines") {
  const auto loaded = load(
      "user = x\n"
      "[main]\n"
      "lissen = inet:1\n"
      "timeout = soon\n"
      "user = a\n"
      "user = b\n"
      "just words\n"
      "nameservers = 192.0.2.1\n"
      "frobnicate = 1\n"
      "[mian]\n"
      "user = ignored\n"
      "[main]\n"
      "[main x]\n"
      "[service]\n"
      "[table a b]\n"
      "[dns\n"
      "[] \n"
      "[lua] # x\n");
  CHECK_FALSE(loaded.config);
  CHECK(loaded.told == Told{
      "1:1: error: a setting before the first [section]",
      "3:1: error: unknown setting 'lissen' in [main] (did you mean 'listen'?)",
      "4:11: error: timeout: \"soon\": want a number and a unit, as in 250ms, 30s, 5m, 2h or 1d",
      "6:1: error: user a second time: the first is in line 5",
      "7:1: error: want `key = value` or `[section]`",
      "8:1: error: unknown setting 'nameservers' in [main] (it is a setting of [dns])",
      "9:1: error: unknown setting 'frobnicate' in [main]",
      "10:1: error: unknown section [mian] (did you mean 'main'?)",
      "12:1: error: [main] a second time: the first is in line 2",
      "13:1: error: [main] takes no name",
      "14:1: error: want a name, as in [service NAME]",
      "15:1: error: a section's name is one word of letters, digits, '_', '.' and '-'",
      "16:1: error: want a ']' at the end of a section's name",
      "17:1: error: unknown section []",
      "18:6: error: want nothing after ']'"});
}

// "a line that begins with blank space continues the value"
TEST_CASE("a line that begins with a blank continues the value, comments and empty lines between or not") {
  const auto loaded = load(
      "[main]\n"
      "listen = inet:1,\n"
      "  inet:2\n"
      "# a comment\n"
      "   ; another\n"
      "\n"
      "\tinet:3\n"
      "user =\n"
      "  mail\n");
  CHECK(loaded.told == Told{});
  REQUIRE(loaded.config);
  CHECK(loaded.config->main.listen == std::vector<Endpoint>{{.port = 1}, {.port = 2}, {.port = 3}});
  CHECK(loaded.config->main.user == "mail");
}

TEST_CASE("a line that begins with a blank and continues nothing is a mistake, after a mistake it is part of it") {
  CHECK(load("[main]\n user = a\n").told ==
        Told{"2:1: error: a line that begins with a blank continues a setting, and there is none"});
  CHECK(load("[main]\nuser: a\n  b\n").told == Told{"2:5: error: want `key = value`: ':' takes no place of '='"});
}

// "comments `#` and `;` at the start of a line"
TEST_CASE("a value may contain what makes a comment elsewhere") {
  CHECK(main_setting(&Config::Main::policy_path, "policy_path = /etc/#1;2") == "/etc/#1;2");
  CHECK(main_setting(&Config::Main::user, "#user = a\n;user = b\n  # user = c\nuser = d") == "d");
  const auto loaded = load("[group g]\ndefault_action = 451 wait ; then # again\n");
  if (!loaded.config) {  // an inih that cannot be told
    CHECK(loaded.told.back() == "2:1: error: a blank before ';' (this build's inih takes it for a comment)");
  } else {
    CHECK(loaded.config->groups[0].default_action == "451 wait ; then # again");
  }
}

TEST_CASE("a long line is read whole or refused, never cut") {
  for (const std::size_t size : {150u, 190u, 200u, 250u, 1000u, 20000u, 65520u, 65536u, 200000u}) {
    CAPTURE(size);
    const std::string path = fmt::format("/{}", std::string(size, 'x'));
    const auto loaded = load("[main]\nchroot = " + path + "\nuser = a\n");
    if (loaded.config) {
      CHECK(loaded.config->main.chroot == path);
    } else {
      REQUIRE(loaded.told.size() == 1);
      CHECK(loaded.told[0].starts_with("2:1: error: a line of more than "));
      CHECK(size > 180);
    }
  }
}

TEST_CASE("line ends of other systems, a byte order mark and a missing last newline do no harm") {
  const auto loaded = load("\xEF\xBB\xBF[main]\r\nuser = mail\r\ngroup = adm");
  CHECK(loaded.told == Told{});
  REQUIRE(loaded.config);
  CHECK(loaded.config->main.user == "mail");
  CHECK(loaded.config->main.group == "adm");
}

TEST_CASE("a control character is refused, NUL too") {
  using namespace std::string_literals;
  CHECK(load("[main]\nuser = a\0b\n"s).told == Told{"2:1: error: a control character"});
  CHECK(load("[main]\nuser = a\x1B[m\n").told == Told{"2:1: error: a control character"});
}

// "A setting of something that is not built in yet, or left out of this build, is a warning, not an error."
TEST_CASE("what is not built in yet is checked and gives one warning for each kind of section") {
  const auto loaded = load(
      "[main]\n"
      "watch_files = no\n"
      "[service a]\n"
      "address = inet:127.0.0.1:10023\n"
      "[service b]\n"
      "address = exec:/bin/check \"-x y\" \"say \\\"hi\\\"\" a\\b\n"
      "workers = 2-8\n"
      "environment = A=1 \"B=two words\"\n"
      "[dns]\n"
      "nameservers = 192.0.2.53 [2001:db8::53]:5353\n"
      "cache_bytes = 1M\n"
      "[table t]\n"
      "type = mysql\n"
      "host = db.example.org\n"
      "query = select 1 = 1\n");
  CHECK(loaded.told == Told{"9:1: warning: not built in yet: [dns]", "12:1: warning: not built in yet: [table]"});
  REQUIRE(loaded.config);
  const auto& config = *loaded.config;
  CHECK_FALSE(config.main.watch_files);
  REQUIRE(config.services.size() == 2);
  CHECK(config.services[0].name == "a");
  CHECK(std::get<Endpoint>(config.services[0].address).port == 10023);
  CHECK(std::get<Config::Command>(config.services[1].address).words ==
        std::vector<std::string>{"/bin/check", "-x y", "say \"hi\"", "a\\b"});
  CHECK(config.services[1].workers == Config::Workers{.least = 2, .most = 8});
  CHECK(config.services[1].environment == std::vector<std::string>{"A=1", "B=two words"});
  CHECK(config.dns.cache_bytes == 1048576);
  REQUIRE(config.tables.size() == 1);
  CHECK(config.tables[0].type == TableType::mysql);
  CHECK(config.tables[0].options == std::vector<std::pair<std::string, std::string>>{
                                        {"host", "db.example.org"}, {"query", "select 1 = 1"}});
}

TEST_CASE("sections of later rooms are checked like the others") {
  struct Case { std::string_view text, want; };
  static constexpr Case cases[] = {
      {"[service s]\n", "1:1: error: [service s] wants a setting 'address'"},
      {"[table t]\nhost = x\n", "1:1: error: [table t] wants a setting 'type'"},
      {"[table t]\ntype = dbm\n", "2:8: error: type: \"dbm\": want file, cdb, lmdb, sqlite, pgsql, mysql, ldap, http, "
                                  "redis, socketmap or tcp"},
      {"[table t]\ntype = tcp\nx = 1\nx = 2\n", "4:1: error: x a second time: the first is in line 3"},
      {"[service s]\naddress = exec:\n",
       "2:11: error: address: \"exec:\": want a program, as in exec:/usr/local/bin/check -v"},
      {"[service s]\naddress = exec:\"x\n", "2:11: error: address: \"\"x\": want a closing '\"'"},
      {"[service s]\naddress = inet:1\nworkers = 8-4\n",
       "3:11: error: workers: \"8-4\": want one number from 1 to 1000 or two, as in 4-32"},
      {"[service s]\naddress = inet:1\nenvironment = A\n", "3:15: error: environment: \"A\": want NAME=value"},
      {"[group g]\ndefault_action =\n", "2:17: error: default_action: \"\": want a text"},
      {"[group g]\nbalance = roundrobin\n",
       "2:11: error: balance: \"roundrobin\": want weighted, least_outstanding, first, or hash: and an attribute, as in "
       "hash:client_address"},
      {"[group g]\nbalance = hash:\n",
       "2:11: error: balance: \"hash:\": want weighted, least_outstanding, first, or hash: and an attribute, as in "
       "hash:client_address"},
      {"[store]\nengine = mysql\n", "2:10: error: engine: \"mysql\": want lmdb, memory or redis"}};
  for (const auto& [text, want] : cases) {
    CAPTURE(text);
    const auto loaded = load(text);
    CHECK_FALSE(loaded.config);
    CHECK(std::find(loaded.told.begin(), loaded.told.end(), want) != loaded.told.end());
  }
}

TEST_CASE("a group's balance is a word, or hash: and an attribute") {
  using By = Config::Balance::By;
  struct Case { std::string_view text; Config::Balance want; };
  const Case cases[] = {{"weighted", {}},
                        {"least_outstanding", {.by = By::least_outstanding}},
                        {"first", {.by = By::first}},
                        {"hash:sasl_username", {.by = By::hash, .attribute = "sasl_username"}}};
  for (const auto& [text, want] : cases) {
    CAPTURE(text);
    const auto loaded = load("[group g]\nbalance = " + std::string{text} + "\n");
    REQUIRE(loaded.config);
    CHECK(loaded.config->groups[0].balance == want);
  }
}

TEST_CASE("a service's socket whose path fits into no address is an error") {
  const auto path = "unix:/" + std::string(107, 'p');
  CHECK(load("[service s]\naddress = " + path + "\n").told ==
        Told{"2:11: error: address: \"" + path + "\": a socket's path has at most 107 bytes"});
  CHECK(load("[service s]\naddress = " + path.substr(0, path.size() - 1) + "\n").config);
}

// "A service address that is one of our own listeners is an error."
TEST_CASE("a service may not be one of our own listeners") {
  const auto told = load("[service s]\naddress = inet:localhost:10001\n").told;
  REQUIRE(told.size() == 1);
  CHECK(told[0] == "2:11: error: address: inet:localhost:10001 is one of our own listeners");
  CHECK(load("[service s]\naddress = inet:127.0.0.1:10002\n").config);
  CHECK_FALSE(load("[service s]\naddress = unix:/run/p\n[main]\nlisten = unix:/run/p\n").config);
}

TEST_CASE("the control socket may not be one of our own listeners") {
  const auto told = load("[main]\nlisten = inet:1 unix:/run/p\n[admin]\nsocket = /run/p\n").told;
  REQUIRE(told.size() == 1);
  CHECK(told[0] == "4:10: error: socket: unix:/run/p is one of our own listeners");
  CHECK(load("[main]\nlisten = unix:/run/p\n[admin]\nsocket = /run/q\n").config);
}

TEST_CASE("a mirror is another group: one with a section or with a service") {
  const auto service_of = [](const std::string& group) {
    return "[service of_" + group + "]\naddress = inet:127.0.0.1:9\ngroup = " + group + "\n";
  };
  const auto g = service_of("g") + "[group g]\nmirror = ";
  CHECK(load(g + "new\n" + service_of("new")).told.empty());
  CHECK(load(g + "h\n[group h]\n" + service_of("h")).told.empty());
  CHECK(load(g + "new\n").told ==
        Told{"5:10: error: mirror: \"new\": want another group; there is none of this name"});
  CHECK(load(g + "g\n").told == Told{"5:10: error: mirror: \"g\": want another group"});
}

TEST_CASE("a setting without effect on this kind of service is doubtful") {
  const std::string settings = "workers = 3\ndirectory = /x\nenvironment = A=b\nmax_connections = 3\n";
  const auto of_others = load("[service s]\naddress = inet:127.0.0.1:9\n" + settings);
  CHECK(of_others.config);
  CHECK(of_others.told == Told{"3:1: warning: workers: without effect: the address is not exec:",
                               "4:1: warning: directory: without effect: the address is not exec:",
                               "5:1: warning: environment: without effect: the address is not exec:"});
  const auto of_programs = load("[service s]\naddress = exec:/bin/x\n" + settings);
  CHECK(of_programs.config);
  CHECK(of_programs.told == Told{"6:1: warning: max_connections: without effect: the address is exec:"});
}

TEST_CASE("a group without a service is doubtful") {
  const auto loaded = load("[service s]\naddress = inet:127.0.0.1:9\n[group g]\n");
  CHECK(loaded.config);
  CHECK(loaded.told == Told{"3:1: warning: group g: no service is in it: only its default_action will answer"});
}

// "deadline (60s, at most main's)"
TEST_CASE("a group's deadline is at most main's, also where it is the default") {
  CHECK(load("[group g]\n").config->groups[0].deadline == 60s);
  CHECK(load("[main]\ndeadline = 20s\n[group g]\n").config->groups[0].deadline == 20s);
  const auto told = load("[service s]\naddress = inet:127.0.0.1:9\ngroup = g\n"
                         "[group g]\ndeadline = 30s\n[main]\ndeadline = 20s\n").told;
  REQUIRE(told.size() == 1);
  CHECK(told[0] == "5:12: error: deadline: \"30s\": want at most the deadline of [main], 20s");
}

// "`check` warns when the time-outs of a group's tiers do not fit into its deadline"
TEST_CASE("the time-outs of a group's services, one after the other, fit into its deadline") {
  const auto service = [](std::string_view name, std::string_view more) {
    return fmt::format("[service {}]\naddress = inet:127.0.0.1:9\n{}\n", name, more);
  };
  const std::string two = service("a", "timeout = 20s") + service("b", "timeout = 20s\npriority = 20");
  const auto too_long = [](int line, std::string_view sum, std::string_view deadline) {
    return fmt::format("{}:1: warning: group default: the time-outs of its services add up to {}, more than its "
                       "deadline of {}", line, sum, deadline);
  };
  struct Case { std::string text, want; };  // want empty: they fit
  const Case cases[] = {
      {two, ""},
      {two + service("c", "timeout = 20s"), ""},
      {two + service("c", "timeout = 21s"), too_long(1, "61s", "1m")},
      {two + service("c", "timeout = 21s\ngroup = other"), ""},
      {two + "[group default]\ndeadline = 30s\n", too_long(8, "40s", "30s")},
      {two + "[group default]\ndeadline = 30s\nretries = 0\n", ""},
      {"[main]\ndeadline = 39s\n" + two, too_long(3, "40s", "39s")},
      {service("slow", "timeout = 50s") + service("quick", "timeout = 1s") + "[group default]\nretries = 0\n" +
           "deadline = 49s\n",
       too_long(7, "50s", "49s")},
  };
  for (const auto& [text, want] : cases) {
    CAPTURE(text);
    const auto loaded = load(text);
    CHECK(loaded.config);
    auto told = loaded.told;
    std::erase_if(told, [](const auto& line) { return line.find("not built in yet") != line.npos; });
    CHECK(told == (want.empty() ? Told{} : Told{want}));
  }
}

// "a main.conf found as apolicy's ... is read by Python 2 ConfigParser's rules (`key: value`, ` ;` comments, any
// case), keys before any section belong to [main], and unknown keys only warn."
TEST_CASE("apolicy's main.conf is read by its own rules") {
  const auto loaded = load_apolicy(
      "; apolicy\n"
      "REM a comment of old\n"
      "Timeout: 7 ; seconds\n"
      "[main]  trailing words\n"
      "USER = nobody\t; who\n"
      "policy_path: /etc/%d;x/p.conf\n"
      "port = 10001\n"
      "[logging]\n"
      "level = 3\n");
  CHECK(loaded.told == Told{"7:1: warning: unknown setting 'port' in [main]",
                            "8:1: warning: unknown section [logging]"});
  REQUIRE(loaded.config);
  CHECK(loaded.config->main.timeout == 7s);
  CHECK(loaded.config->main.user == "nobody");
  CHECK(loaded.config->main.policy_path == "/etc/%d;x/p.conf");
}

TEST_CASE("apolicy's defaults: a time-out of 5 seconds, the policy in /etc/apolicy") {
  const auto loaded = load("", ConfigDialect::apolicy, "/opt/apolicy/main.conf");
  REQUIRE(loaded.config);
  CHECK(loaded.config->main.timeout == 5s);
  CHECK(loaded.config->main.policy_path == "/etc/apolicy/policy.conf");
}

TEST_CASE("in apolicy's main.conf sections and keys may be repeated, and the last counts") {
  const auto loaded = load_apolicy("[main]\ntimeout = 1\ntimeout = 2\n[main]\nuser = \"\"\ntimeout: 3\n");
  CHECK(loaded.told == Told{"3:1: warning: timeout a second time: the first is in line 2; this one counts"});
  REQUIRE(loaded.config);
  CHECK(loaded.config->main.timeout == 3s);
  CHECK(loaded.config->main.user.empty());
}

// Python 2's ConfigParser: [DEFAULT] is no section but gives its values to all of them.
TEST_CASE("in apolicy's main.conf [DEFAULT] holds what other sections do not set themselves") {
  const auto loaded = load_apolicy(
      "[DEFAULT]\ntimeout = 1\nuser = first\n"
      "[main]\ntimeout = 2\n"
      "[service s]\naddress = inet:1\n"
      "[DEFAULT]\nUSER = nobody\nuser: last\npriority = 3\ncolour = red\n");
  CHECK(loaded.told == Told{"12:1: warning: unknown setting 'colour' in [DEFAULT]"});
  REQUIRE(loaded.config);
  CHECK(loaded.config->main.timeout == 2s);
  CHECK(loaded.config->main.user == "last");
  CHECK(loaded.config->services[0].timeout == 1s);
  CHECK(loaded.config->services[0].priority == 3);
  CHECK(load_apolicy("[DEFAULT]\ntimeout = 4\n").config->main.timeout == 4s);
  CHECK(load_apolicy("[DEFAULT]\ntimeout = soon\n").told.size() == 1);
  CHECK_FALSE(load("[DEFAULT]\n").config);
}

TEST_CASE("a value that does not fit is a mistake in apolicy's main.conf too") {
  CHECK(load_apolicy("timeout: soon\n").told ==
        Told{"1:10: error: timeout: \"soon\": want a number and a unit, as in 250ms, 30s, 5m, 2h or 1d"});
}

TEST_CASE("whatever the bytes, a file is refused or its dump loads back") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random{seed};
  static constexpr std::string_view pieces[] = {
      "[main]", "[service a]", "[group g]", "[table t]", "user", "listen", "address", "type", "key", " ", "\n", "\n",
      "\n", "=", "=", " = ", ":", "\n;", "#", "\"", "\\", "inet:1", "exec:a", "tcp", "5s", "\t", "\r", "\xFF", "]", "["};
  for (int round = 0; round < 3000; ++round) {
    std::string text = "[main]\n";
    for (auto left = random() % 30; left > 0; --left) text += pieces[random() % std::size(pieces)];
    CAPTURE(text);
    Diagnostics diagnostics;
    const auto dialect = random() % 2 == 0 ? ConfigDialect::policymux : ConfigDialect::apolicy;
    const auto config = parse_config(text, "main.conf", dialect, diagnostics);
    if (config) REQUIRE(parse_config(dump(*config), "main.conf", ConfigDialect::policymux, diagnostics) == config);
  }
}

TEST_CASE("a file that cannot be read is a mistake without a line") {
  Diagnostics diagnostics;
  CHECK_FALSE(load_config({"/nonexistent/main.conf", ConfigDialect::policymux}, diagnostics));
  REQUIRE(diagnostics.size() == 1);
  CHECK(summary(diagnostics[0]) == "/nonexistent/main.conf: error: cannot open: No such file or directory");
  CHECK_FALSE(load_config({"/", ConfigDialect::policymux}, diagnostics));
  CHECK_FALSE(load_config({"/dev/zero", ConfigDialect::policymux}, diagnostics));
  CHECK(summary(diagnostics.back()) == "/dev/zero: error: more than 1 MiB is no main.conf");
}

// "`-c FILE` names main.conf (else POLICYMUX_CONFIG, APOLICY_CONFIG_PATH, /etc/policymux/main.conf,
// /etc/apolicy/main.conf)"
TEST_CASE("main.conf is found by option, environment and place, in this order") {
  using Environment = std::map<std::string, std::string>;
  struct Case {
    std::string_view given;
    Environment environment;
    std::vector<std::string> files;
    std::optional<ConfigPlace> want;
  };
  static constexpr auto ours = ConfigDialect::policymux, theirs = ConfigDialect::apolicy;
  const std::vector<std::string> both = {"/etc/policymux/main.conf", "/etc/apolicy/main.conf"};
  const Case cases[] = {
      {"x.conf", {{"POLICYMUX_CONFIG", "y"}, {"APOLICY_CONFIG_PATH", "z"}}, both, ConfigPlace{"x.conf", ours}},
      {"", {{"POLICYMUX_CONFIG", "y"}, {"APOLICY_CONFIG_PATH", "z"}}, both, ConfigPlace{"y", ours}},
      {"", {{"POLICYMUX_CONFIG", ""}, {"APOLICY_CONFIG_PATH", "z"}}, both, ConfigPlace{"z", theirs}},
      {"", {}, both, ConfigPlace{"/etc/policymux/main.conf", ours}},
      {"", {}, {"/etc/apolicy/main.conf"}, ConfigPlace{"/etc/apolicy/main.conf", theirs}},
      {"/etc/apolicy//main.conf", {}, {}, ConfigPlace{"/etc/apolicy//main.conf", theirs}},
      {"", {{"POLICYMUX_CONFIG", "/etc/apolicy/main.conf"}}, {}, ConfigPlace{"/etc/apolicy/main.conf", theirs}},
      {"", {}, {}, std::nullopt}};
  for (const auto& [given, environment, files, want] : cases) {
    const auto found = find_config(
        given,
        [&environment = environment](const char* name) {
          const auto at = environment.find(name);
          return at == environment.end() ? nullptr : at->second.c_str();
        },
        [&files = files](const std::string& path) { return std::count(files.begin(), files.end(), path) > 0; });
    CHECK((found == want));
  }
}
