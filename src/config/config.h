// main.conf as a value: every setting, checked and typed. Copy it, compare it, hand it round.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/diagnostic.h"
#include "base/endpoint.h"
#include "base/logging.h"
#include "base/time.h"
#include "config/dialect.h"

namespace policymux {

enum class LogDecisions : std::uint8_t { matched, all, none };
enum class StoreEngine : std::uint8_t { lmdb, memory, redis };
enum class StoreFallback : std::uint8_t { local, unknown };
enum class TableType : std::uint8_t { file, cdb, lmdb, sqlite, pgsql, mysql, ldap, http, redis, socketmap, tcp };

// What each setting means is said in the table of settings (settings.cc), which is the manual too. Here stand
// the types and, as initialisers, the defaults. An empty text or nullopt is "not set": the comment says what
// then applies.
struct Config {
  struct Main {
    std::vector<Endpoint> listen{{.host = "127.0.0.1", .port = 10001}};
    unsigned socket_mode = 0660;
    std::string socket_owner{};                        // empty: whoever we are
    std::string socket_group{};                        // empty: postfix, where that group exists
    std::string policy_path{"/etc/policymux/policy.conf"};  // absolute
    std::string user{};                                // empty: policymux, else nobody
    std::string group{};                               // empty: the user's own
    std::string chroot{};                              // empty: none
    milliseconds timeout{std::chrono::seconds{5}};
    milliseconds deadline{std::chrono::seconds{75}};   // below 100 s
    std::vector<std::string> allow{"127.0.0.0/8", "::1"};
    std::uint32_t max_connections = 10'000;
    std::uint32_t max_request_bytes = 64 * 1024;
    std::uint32_t max_attributes = 256;
    // 0: none. nullopt: none for unix sockets and loopback, otherwise 1 h and TCP keep-alive.
    std::optional<milliseconds> idle_timeout{};
    milliseconds request_timeout{std::chrono::seconds{30}};
    std::vector<std::string> restriction_classes{};
    std::string recipient_delimiter{"+"};              // any of these characters; empty: none
    bool prepend_once = true;
    bool watch_files = true;
    std::optional<LogTarget> log_to{};                 // nullopt: journal, stderr or syslog, as log/target.h finds
    Level log_level = Level::info;
    LogDecisions log_decisions = LogDecisions::matched;
    Facility syslog_facility = Facility::mail;
    std::string syslog_name{"policymux"};
    bool operator==(const Main&) const = default;
  } main{};

  // A program that we run: its path and its arguments.
  struct Command {
    std::vector<std::string> words{};
    bool operator==(const Command&) const = default;
  };
  struct Workers {
    std::uint32_t least = 4, most = 32;
    bool operator==(const Workers&) const = default;
  };
  struct Service {
    std::string name{};
    std::variant<Endpoint, Command> address{};
    std::string group{"default"};
    std::uint32_t priority = 10;
    std::uint32_t weight = 1;
    milliseconds timeout{std::chrono::seconds{10}};
    std::uint32_t max_connections = 32;
    milliseconds max_idle{};                           // 0: none, like the next three
    std::uint32_t max_requests = 0;
    milliseconds max_ttl{};
    milliseconds check{};
    std::vector<std::string> check_request{"protocol_state=CONNECT", "client_address=127.0.0.1"};  // name=value
    Workers workers{};
    std::string directory{};                           // empty: /
    std::vector<std::string> environment{};            // NAME=value
    bool operator==(const Service&) const = default;
  };
  std::vector<Service> services{};                     // in the order of the file, like groups and tables

  // How equal services share the requests.
  struct Balance {
    enum class By : std::uint8_t { weighted, least_outstanding, first, hash };
    By by = By::weighted;
    std::string attribute{};                           // By::hash: the requests with the same value of it go together
    bool operator==(const Balance&) const = default;
  };
  struct Group {
    std::string name{};
    Balance balance{};
    std::string default_action{"451 4.3.5 Policy service unavailable"};
    milliseconds deadline{std::chrono::seconds{60}};   // at most main.deadline, also where it is not set
    std::optional<std::uint32_t> retries{};            // nullopt: one for each service that is left
    std::string mirror{};                              // empty: none
    bool operator==(const Group&) const = default;
  };
  std::vector<Group> groups{};

  struct Dns {
    std::vector<std::string> nameservers{};            // empty: the system's
    milliseconds timeout{1500};                        // of the first try; it doubles with each
    std::uint32_t tries = 2;
    std::uint64_t cache_bytes = 16 * 1024 * 1024;
    milliseconds min_ttl{};
    milliseconds max_ttl{std::chrono::hours{24}};
    std::uint32_t spf_void_limit = 2;
    bool operator==(const Dns&) const = default;
  } dns{};

  struct Store {
    StoreEngine engine = StoreEngine::lmdb;
    std::string path{"/var/lib/policymux"};
    std::string url{};
    std::string prefix{"policymux:"};
    StoreFallback fallback = StoreFallback::local;
    bool privacy = false;
    milliseconds sync{std::chrono::seconds{1}};
    bool operator==(const Store&) const = default;
  } store{};

  struct Table {
    std::string name{};
    TableType type{};
    std::vector<std::pair<std::string, std::string>> options{};  // what the type needs, as written
    bool operator==(const Table&) const = default;
  };
  std::vector<Table> tables{};

  struct Lua {
    std::string path{};                                // empty: no scripts
    std::uint64_t instructions = 1'000'000;
    std::uint64_t memory = 16 * 1024 * 1024;
    bool operator==(const Lua&) const = default;
  } lua{};

  struct Admin {
    std::vector<Endpoint> listen{};
    std::string token{};
    std::string socket{};
    bool operator==(const Admin&) const = default;
  } admin{};

  bool operator==(const Config&) const = default;
};

// Where main.conf is, and how to read it.
struct ConfigPlace {
  std::string path;
  ConfigDialect dialect;
  bool operator==(const ConfigPlace&) const = default;
};

// The main.conf in use: `given` (-c FILE), else POLICYMUX_CONFIG, else APOLICY_CONFIG_PATH, else the first that
// exists of /etc/policymux/main.conf and /etc/apolicy/main.conf; an empty text counts as not given. nullopt:
// there is none, and default_config() applies.
//   getenv  a variable's value, or nullptr.    exists  is there a file of that name?
std::optional<ConfigPlace> find_config(std::string_view given, const std::function<const char*(const char*)>& getenv,
                                       const std::function<bool(const std::string&)>& exists);
std::optional<ConfigPlace> find_config(std::string_view given);  // asks the system

// Values that rooms above know how to judge. Each says what is wrong, or nothing; empty: whatever has the form passes.
struct ValueChecks {
  using Flaw = std::optional<std::string>;
  std::function<Flaw(std::string_view network)> network{};  // of main.allow
  std::function<Flaw(std::string_view action, const std::vector<std::string>& restriction_classes)> action{};
  std::function<Flaw(const Config::Service&)> program{};  // of one that is a program; no more than a doubt
  std::vector<std::string_view> attributes{};             // that Postfix sends; empty: any will do
};

// What applies where there is no main.conf at all.
Config default_config();

// The settings of a file; what it does not set has its default. Appends every mistake and every doubt to
// `diagnostics`, the whole file's in one run; nullopt when there was a mistake.
//   Paths   a relative policy_path, and its default policy.conf, lie beside the file (the default in apolicy's
//           dialect: /etc/apolicy/policy.conf).
//   Limits  1 MiB a file; 64 KiB a line, or 197 bytes where inih cannot be told otherwise.
//   `path`  names the file in diagnostics, as given.
std::optional<Config> parse_config(std::string_view text, const std::string& path, ConfigDialect dialect,
                                   Diagnostics& diagnostics, const ValueChecks& checks = {});
std::optional<Config> load_config(const ConfigPlace& place, Diagnostics& diagnostics,
                                  const ValueChecks& checks = {});  // reads the file

// A reload: what of `fresh` can apply at once.
struct Changes {
  Config config;                    // fresh, but with every sealed setting as it runs
  std::vector<std::string> sealed;  // "main.listen": changed in the file, not to be had without a restart
};
Changes changes(const Config& running, const Config& fresh);

}  // namespace policymux
