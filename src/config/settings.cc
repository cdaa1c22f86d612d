#include "config/settings.h"

#include <algorithm>

#include "base/text.h"
#include "config/forms.h"

namespace policymux {

namespace {

using namespace forms;  // NOLINT: the table below reads like the manual
using C = Config;

// ---- sections ----

template <class T>
std::size_t count_of(const T&) { return 1; }
template <class T>
std::size_t count_of(const std::vector<T>& sections) { return sections.size(); }

template <class T>
std::size_t open_in(T&, std::string_view) { return 0; }
template <class T>
std::size_t open_in(std::vector<T>& sections, std::string_view name) {
  sections.emplace_back().name = name;
  return sections.size() - 1;
}

template <class T>
std::string_view name_in(const T&, std::size_t) { return {}; }
template <class T>
std::string_view name_in(const std::vector<T>& sections, std::size_t index) { return sections[index].name; }

template <class T>
T& nth(T& section, std::size_t) { return section; }
template <class T>
T& nth(std::vector<T>& sections, std::size_t index) { return sections[index]; }
template <class T>
const T& nth(const std::vector<T>& sections, std::size_t index) { return sections[index]; }

template <class T>
constexpr bool is_many = false;
template <class T>
constexpr bool is_many<std::vector<T>> = true;

enum class Built : bool { later, now };
enum class Keys : bool { known, any };

template <auto section>
constexpr SectionType section_row(std::string_view name, Built built, Keys keys, std::string_view help) {
  return {name, is_many<std::remove_reference_t<decltype(std::declval<C&>().*section)>>, built == Built::now,
          keys == Keys::any, help,
          [](const C& c) { return count_of(c.*section); },
          [](C& c, std::string_view n) { return open_in(c.*section, n); },
          [](const C& c, std::size_t i) { return name_in(c.*section, i); }};
}

constexpr SectionType section_table[] = {
    section_row<&C::main>("main", Built::now, Keys::known,
        "The daemon itself: where it listens, who may ask, how long things may take, what is logged."),
    section_row<&C::services>("service", Built::now, Keys::known,
        "Another policy server, or a program that speaks the policy protocol on its standard input and output. "
        "One section for each; services of one group stand in for each other."),
    section_row<&C::groups>("group", Built::now, Keys::known,
        "How the services of a group share the work, and what is answered when all of them failed. A group without "
        "a section of its own has the defaults. A group and three lines of policy.conf are hapolicy as a server: acl "
        "all time 00:00-24:00; action ask POLICY grey; access all ask (where services have group = grey)."),
    section_row<&C::dns>("dns", Built::later, Keys::known,
        "The resolver for DNS lists, SPF and dns tests."),
    section_row<&C::store>("store", Built::later, Keys::known,
        "Where greylisting, rates, quotas and counts are remembered."),
    section_row<&C::tables>("table", Built::later, Keys::any,
        "A table that policy.conf looks things up in. Beside the type it takes the settings that the type needs."),
    section_row<&C::lua>("lua", Built::later, Keys::known,
        "Scripts in Lua, and the limits they run under."),
    section_row<&C::admin>("admin", Built::now, Keys::known,
        "The control socket and the web page with its metrics."),
};

// ---- words ----

constexpr Choice<LogTarget> log_targets[] = {
    {"syslog", LogTarget::syslog}, {"stderr", LogTarget::standard_error}, {"journal", LogTarget::journal}};
constexpr Choice<Level> levels[] = {
    {"debug", Level::debug}, {"info", Level::info}, {"warning", Level::warning}, {"error", Level::error}};
constexpr Choice<LogDecisions> log_decisions[] = {
    {"matched", LogDecisions::matched}, {"all", LogDecisions::all}, {"none", LogDecisions::none}};
constexpr Choice<Facility> facilities[] = {
    {"mail", Facility::mail},     {"daemon", Facility::daemon}, {"user", Facility::user},
    {"auth", Facility::auth},     {"authpriv", Facility::authpriv}, {"syslog", Facility::syslog},
    {"lpr", Facility::lpr},       {"news", Facility::news},     {"uucp", Facility::uucp},
    {"cron", Facility::cron},     {"ftp", Facility::ftp},       {"local0", Facility::local0},
    {"local1", Facility::local1}, {"local2", Facility::local2}, {"local3", Facility::local3},
    {"local4", Facility::local4}, {"local5", Facility::local5}, {"local6", Facility::local6},
    {"local7", Facility::local7}};
constexpr Choice<StoreEngine> engines[] = {
    {"lmdb", StoreEngine::lmdb}, {"memory", StoreEngine::memory}, {"redis", StoreEngine::redis}};
constexpr Choice<StoreFallback> fallbacks[] = {{"local", StoreFallback::local}, {"unknown", StoreFallback::unknown}};
constexpr Choice<TableType> table_types[] = {
    {"file", TableType::file},   {"cdb", TableType::cdb},     {"lmdb", TableType::lmdb}, {"sqlite", TableType::sqlite},
    {"pgsql", TableType::pgsql}, {"mysql", TableType::mysql}, {"ldap", TableType::ldap}, {"http", TableType::http},
    {"redis", TableType::redis}, {"socketmap", TableType::socketmap}, {"tcp", TableType::tcp}};

// ---- settings ----

enum class Presence : bool { optional, required };

template <auto section, auto field, class Form>
constexpr Setting row(std::string_view in, std::string_view name, OnReload on_reload, std::string_view sample,
                      std::string_view help, Built built = Built::now, Presence presence = Presence::optional) {
  return {in, name, on_reload, built == Built::now, presence == Presence::required, sample, help, &Form::type,
          [](C& c, std::size_t i, std::string_view text) -> Result<Ok, std::string> {
            auto value = Form::read(text);
            if (!value) return Unexpected{std::move(value).error()};
            nth(c.*section, i).*field = *std::move(value);
            return Ok{};
          },
          [](const C& c, std::size_t i) { return Form::show(nth(c.*section, i).*field); }};
}

template <auto field, class Form, class... More>
constexpr Setting main_row(std::string_view name, OnReload on_reload, std::string_view sample, std::string_view help,
                           More... more) {
  return row<&C::main, field, Form>("main", name, on_reload, sample, help, more...);
}
template <auto field, class Form, class... More>
constexpr Setting service_row(std::string_view name, std::string_view sample, std::string_view help, More... more) {
  return row<&C::services, field, Form>("service", name, OnReload::applies, sample, help, more...);
}
template <auto field, class Form>
constexpr Setting group_row(std::string_view name, std::string_view sample, std::string_view help) {
  return row<&C::groups, field, Form>("group", name, OnReload::applies, sample, help);
}
template <auto field, class Form>
constexpr Setting dns_row(std::string_view name, std::string_view sample, std::string_view help) {
  return row<&C::dns, field, Form>("dns", name, OnReload::applies, sample, help);
}
template <auto field, class Form>
constexpr Setting store_row(std::string_view name, OnReload on_reload, std::string_view sample, std::string_view help) {
  return row<&C::store, field, Form>("store", name, on_reload, sample, help);
}

constexpr std::int64_t postfix_patience_ms = 100'000;  // Postfix itself waits 100 s
constexpr std::uint64_t gib = 1024ull * 1024 * 1024;

using M = C::Main;
using S = C::Service;
using G = C::Group;
using D = C::Dns;
using T = C::Store;
constexpr auto sealed = OnReload::sealed;
constexpr auto applies = OnReload::applies;

constexpr Setting setting_table[] = {
    main_row<&M::listen, List<Address, 1>>("listen", sealed, "inet:127.0.0.1:10001",
        "Where Postfix finds us: one or several of inet:host:port, inet:port (every address of this host), "
        "inet:[IPv6 address]:port and unix:/path, separated by commas or blanks. A smtpd that runs in a chroot sees "
        "only what lies below /var/spool/postfix: unix:/var/spool/postfix/private/policymux is private/policymux to "
        "it."),
    main_row<&M::socket_mode, FileMode>("socket_mode", sealed, "0660",
        "The mode of our unix sockets, in octal. Whoever may write to a socket may ask."),
    main_row<&M::socket_owner, OrEmpty<Text<plain_name>>>("socket_owner", sealed, "",
        "The user our unix sockets belong to; nothing: the user that starts the daemon."),
    main_row<&M::socket_group, OrEmpty<Text<plain_name>>>("socket_group", sealed, "postfix",
        "The group our unix sockets belong to. Not set: postfix, where that group exists."),
    main_row<&M::policy_path, Text<something>>("policy_path", applies, "policy.conf",
        "The file with the rules. A path that does not begin with '/' starts at the directory of this file."),
    main_row<&M::user, OrEmpty<Text<plain_name>>>("user", sealed, "policymux",
        "The user to run as when started as root. Not set: policymux where that user exists, otherwise nobody. "
        "Serves as root only where root is written here."),
    main_row<&M::group, OrEmpty<Text<plain_name>>>("group", sealed, "",
        "The group to run as when started as root; nothing: the groups of the user."),
    main_row<&M::chroot, OrEmpty<Text<absolute_path>>>("chroot", sealed, "",
        "A directory to lock ourselves into once the sockets are open; nothing: none. Policy and lists are then "
        "looked for inside, and so are the zone files of tz=. A reload reads this file where it lies inside, too; "
        "otherwise the policy alone."),
    main_row<&M::timeout, Duration<1>>("timeout", applies, "5s",
        "How long one look-up (DNS, a table) may take; then its result is unknown and the policy says what that "
        "means."),
    main_row<&M::deadline, Duration<1, postfix_patience_ms>>("deadline", applies, "75s",
        "How long the answer to one request may take in all, whatever is still being looked up. Below 100s: then "
        "Postfix gives up and defers the mail."),
    main_row<&M::allow, List<Text<network>, 1>>("allow", applies, "127.0.0.0/8, ::1",
        "The networks whose hosts may ask over inet; others are turned away at once. Addresses, CIDR "
        "(192.0.2.0/24), or ranges (192.0.2.1-192.0.2.9). For unix sockets see socket_mode."),
    main_row<&M::max_connections, Number<1>>("max_connections", sealed, "10000",
        "How many connections may be open. Each Postfix smtpd process holds one for each check_policy_service. Fewer, "
        "with a warning, where not so many descriptors may be open (LimitNOFILE of systemd, ulimit -n): services and "
        "their workers need some, too."),
    main_row<&M::max_request_bytes, Size<std::uint32_t, 1, 16 * 1024 * 1024>>("max_request_bytes", sealed, "64K",
        "A longer request is malformed: it is logged and the connection closed."),
    main_row<&M::max_attributes, Number<1, 65535>>("max_attributes", sealed, "256",
        "A request of more attributes is malformed. Postfix sends about thirty."),
    main_row<&M::idle_timeout, Optional<OrNone<Duration<1>>>>("idle_timeout", applies, "",
        "Close a connection on which nothing was asked for this long; none: never. Not set: never for unix sockets "
        "and clients on this host, 1h and TCP keep-alive for others. Postfix likes to close connections itself: a "
        "short time here costs it a second for each reconnection."),
    main_row<&M::request_timeout, Duration<1>>("request_timeout", applies, "30s",
        "Close a connection on which a request began and did not end within this time."),
    main_row<&M::restriction_classes, List<Text<plain_name>>>("restriction_classes", applies, "",
        "The names in Postfix's smtpd_restriction_classes that actions in policy.conf may answer with."),
    main_row<&M::recipient_delimiter, Text<punctuation>>("recipient_delimiter", applies, "+",
        "Where the extension of an address begins (user+extension@example.org), as in Postfix: any of these "
        "characters; nothing: there are no extensions."),
    main_row<&M::prepend_once, YesNo>("prepend_once", applies, "yes",
        "Postfix asks anew for each recipient of a message and would add the header of a PREPEND each time. With yes "
        "the same header is given once a message."),
    main_row<&M::watch_files, YesNo>("watch_files", applies, "yes",
        "Read list files and tables again when they change. policy.conf is read on reload alone."),
    main_row<&M::log_to, Optional<Word<log_targets>>>("log_to", sealed, "",
        "syslog, stderr or journal. Not set: journal when systemd started us, stderr on a terminal, otherwise "
        "syslog."),
    main_row<&M::log_level, Word<levels>>("log_level", applies, "info",
        "What is logged: debug, info, warning or error, and all that is graver."),
    main_row<&M::log_decisions, Word<log_decisions>>("log_decisions", applies, "matched",
        "Which decisions get a line in the log: all, none, or those where a line of the policy matched."),
    main_row<&M::syslog_facility, Word<facilities>>("syslog_facility", sealed, "mail",
        "mail, daemon, local0 to local7, or another facility of syslog."),
    main_row<&M::syslog_name, Text<ident>>("syslog_name", sealed, "policymux",
        "The name our lines carry in the log."),

    service_row<&S::address, ServiceAddress>("address", "inet:127.0.0.1:10023",
        "Where the service is: inet:host:port, unix:/path, or exec: and a program with its arguments (words in "
        "double quotes may hold blanks; no shell reads them). A host name is resolved at start and at each reload "
        "(SIGHUP), and one that cannot be resolved is tried again only then.", Built::now, Presence::required),
    service_row<&S::group, Text<plain_name>>("group", "default", "The group it belongs to."),
    service_row<&S::priority, Number<0, 65535>>("priority", "10",
        "Services of the lowest number are asked first; the others are for when those fail."),
    service_row<&S::weight, Number<1, 65535>>("weight", "1",
        "Among equal priorities a service of weight 2 is asked twice as often as one of weight 1."),
    service_row<&S::timeout, Duration<1>>("timeout", "10s",
        "How long one try may take, connecting, writing and reading together; a request waits as long at most for a "
        "connection to become free."),
    service_row<&S::max_connections, Number<1>>("max_connections", "32",
        "How many connections we keep to it, and so how many requests it is asked at the same time. Not for exec: see "
        "workers."),
    service_row<&S::max_idle, OrNone<Duration<1>>>("max_idle", "none",
        "Close a connection that was not used for this long. For exec: end workers beyond the first number of workers "
        "that were not needed for this long, up to twice that; none: 1m."),
    service_row<&S::max_requests, OrNone<Number<1, 4'000'000'000>>>("max_requests", "none",
        "Close a connection after this many requests. For exec: end a worker, and start another in its place."),
    service_row<&S::max_ttl, OrNone<Duration<1>>>("max_ttl", "none", "Close a connection that is this old. For exec: "
        "end a worker, and start another in its place."),
    service_row<&S::check, OrNone<Duration<1>>>("check", "none",
        "How often to see whether it is alive. With none a service that failed is tried again with a request of a "
        "client's, after a second and then ever more seldom."),
    service_row<&S::check_request, Environment>("check_request", "protocol_state=CONNECT client_address=127.0.0.1",
        "What it is asked to see that: attributes as name=value, separated by blanks. Any valid answer will do."),
    service_row<&S::workers, Workers>("workers", "4-32",
        "For exec: how many processes run; the second number is how many there may be when requests queue up. Each "
        "answers one request at a time. One that dies or talks nonsense is replaced, and its request goes to another "
        "one, once; one that hangs (timeout) is replaced, too, but its request goes to the next service of the group. "
        "A program that ends before it has answered anything is started again after a second, then ever more seldom. "
        "A worker has to leave when its standard input ends, 3s later it is sent SIGTERM, after another 2s SIGKILL."),
    service_row<&S::directory, OrEmpty<Text<absolute_path>>>("directory", "",
        "For exec: the directory the program starts in; nothing: /. A program given as a relative path is looked for "
        "there, one without any '/' in PATH."),
    service_row<&S::environment, Environment>("environment", "",
        "For exec: variables for the program, as NAME=value, separated by blanks. It gets no others but "
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin and LANG=C.UTF-8."),

    group_row<&G::balance, Balance>("balance", "weighted",
        "How requests are spread over services of equal priority. weighted: by their weights. least_outstanding: to "
        "the one that waits for the fewest answers. first: in the order of this file, the others for when it fails. "
        "hash:ATTRIBUTE: requests with the same value of that attribute to the same service."),
    group_row<&G::default_action, Text<something>>("default_action", "451 4.3.5 Policy service unavailable",
        "The answer when all services failed."),
    group_row<&G::deadline, Duration<1, postfix_patience_ms>>("deadline", "60s",
        "How long all tries together may take; at most the deadline of [main]."),
    group_row<&G::retries, Optional<Number<0, 1000>>>("retries", "",
        "How many further services are tried after a failure; nothing: one try for each that is left."),
    group_row<&G::mirror, OrEmpty<Text<plain_name>>>("mirror", "",
        "Another group that is sent a copy of each request. Its answers count for nothing; where they differ the log "
        "says so. Nothing: none."),

    dns_row<&D::nameservers, List<Text<nameserver>>>("nameservers", "",
        "Addresses of name servers, with a port where it is not 53; nothing: those of the system."),
    dns_row<&D::timeout, Duration<1>>("timeout", "1500ms",
        "How long to wait for the first try; each further one twice as long."),
    dns_row<&D::tries, Number<1, 10>>("tries", "2", "How often a question is sent."),
    dns_row<&D::cache_bytes, Size<std::uint64_t, 0, 64 * gib>>("cache_bytes", "16M", "Memory for remembered answers."),
    dns_row<&D::min_ttl, Duration<0>>("min_ttl", "0s", "Remember an answer at least this long."),
    dns_row<&D::max_ttl, Duration<0>>("max_ttl", "1d", "Remember no answer longer."),
    dns_row<&D::spf_void_limit, Number<0, 100>>("spf_void_limit", "2",
        "How many names without an answer one SPF record may lead to."),

    store_row<&T::engine, Word<engines>>("engine", sealed, "lmdb",
        "lmdb: a file on this host. memory: forgotten at a restart. redis: shared by a fleet."),
    store_row<&T::path, Text<absolute_path>>("path", sealed, "/var/lib/policymux", "The directory of the file."),
    store_row<&T::url, Text<anything>>("url", sealed, "", "Where Redis or Valkey is, as in redis://127.0.0.1:6379/0."),
    store_row<&T::prefix, Text<anything>>("prefix", sealed, "policymux:", "What all keys in Redis begin with."),
    store_row<&T::fallback, Word<fallbacks>>("fallback", applies, "local",
        "While Redis is away: count locally, or let such tests be unknown."),
    store_row<&T::privacy, YesNo>("privacy", sealed, "no", "Keep hashes in place of addresses."),
    store_row<&T::sync, Duration<1>>("sync", applies, "1s", "How much may be lost when the power fails."),

    row<&C::tables, &C::Table::type, Word<table_types>>("table", "type", applies, "file",
        "file, cdb, lmdb, sqlite, pgsql, mysql, ldap, http, redis, socketmap or tcp.", Built::now,
        Presence::required),

    row<&C::lua, &C::Lua::path, OrEmpty<Text<absolute_path>>>("lua", "path", applies, "", "The script to load."),
    row<&C::lua, &C::Lua::instructions, Size<std::uint64_t, 1000, gib>>("lua", "instructions", applies, "1000000",
        "How many instructions one call may take."),
    row<&C::lua, &C::Lua::memory, Size<std::uint64_t, 64 * 1024, gib>>("lua", "memory", applies, "16M",
        "How much memory the scripts may take."),

    row<&C::admin, &C::Admin::listen, List<Address>>("admin", "listen", sealed, "",
        "Where the web page and the metrics are, as in inet:127.0.0.1:10080; nothing: nowhere.", Built::later),
    row<&C::admin, &C::Admin::token, Text<anything>>("admin", "token", applies, "",
        "What a client of the web page must show.", Built::later),
    row<&C::admin, &C::Admin::socket, OrEmpty<Text<absolute_path>>>("admin", "socket", sealed, "",
        "The path of the control socket, which policymux ctl asks, as in /run/policymux/control; nothing: none. Its "
        "mode is 0600, its owner socket_owner."),
};

// ---- files ----

constexpr std::size_t width = 100;

// `line`, with line breaks in place of some blanks: only where joining the lines with one blank gives the line
// again, and where the rest does not look like a comment.
std::string folded(std::string line) {
  const auto breakable = [&line](std::size_t at) {
    return line[at] == ' ' && !is_blank(line[at - 1]) && !is_blank(line[at + 1]) && line[at + 1] != '#' &&
           line[at + 1] != ';';
  };
  const auto value = line.find("= ") + 2;
  for (std::size_t begin = value, at = value + 1; at + 1 < line.size(); ++at) {
    if (at - begin < width || !breakable(at)) continue;
    line.replace(at, 1, "\n    ");
    begin = at;
    at += 4;
  }
  return line;
}

std::string assignment(std::string_view key, std::string_view value) {
  if (value.empty()) return fmt::format("{} =\n", key);
  return folded(fmt::format("{} = {}", key, value)) + '\n';
}

// `text` as comment lines of at most 79 columns.
std::string comment(std::string_view text) {
  std::string out = "#";
  std::size_t column = out.size();
  for (const auto word : split_words(text)) {
    if (column + 1 + word.size() > 79) {
      out += "\n#";
      column = 1;
    }
    out += ' ';
    out += word;
    column += 1 + word.size();
  }
  return out + '\n';
}

std::string header(std::string_view type, std::string_view own_name) {
  return own_name.empty() ? fmt::format("[{}]\n", type) : fmt::format("[{} {}]\n", type, own_name);
}

constexpr std::string_view preamble[] = {
    "main.conf of policymux: every setting, with what it means and its default.",
    "Take the '#' off a line to change a setting. `policymux check` tells every mistake in this file at once, "
    "`policymux check --dump` shows all settings as they are in force.",
    "Times are 250ms, 5s, 10m, 2h or 1d, a bare number is seconds; sizes are 512, 64K or 10M. Lists are separated "
    "by commas or blanks. A line that begins with a blank continues the one before. Comments begin with '#' or ';' at "
    "the start of a line, and nowhere else.",
};

}  // namespace

std::span<const SectionType> section_types() { return section_table; }
std::span<const Setting> settings() { return setting_table; }

const SectionType* find_section(std::string_view name) {
  const auto types = section_types();
  const auto at = std::find_if(types.begin(), types.end(), [&](const auto& type) { return type.name == name; });
  return at == types.end() ? nullptr : &*at;
}

const Setting* find_setting(std::string_view section, std::string_view name) {
  const auto rows = settings();
  const auto at =
      std::find_if(rows.begin(), rows.end(), [&](const auto& s) { return s.section == section && s.name == name; });
  return at == rows.end() ? nullptr : &*at;
}

std::string dump(const Config& config) {
  std::string out;
  for (const auto& type : section_types()) {
    for (std::size_t i = 0; i < type.count(config); ++i) {
      if (!out.empty()) out += '\n';
      out += header(type.name, type.name_of(config, i));
      for (const auto& setting : settings()) {
        if (setting.section == type.name) out += assignment(setting.name, setting.show(config, i));
      }
      if (!type.open_ended) continue;
      for (const auto& [key, value] : config.tables[i].options) out += assignment(key, value);
    }
  }
  return out;
}

std::string sample() {
  std::string out;
  for (const auto paragraph : preamble) out += (out.empty() ? "" : "#\n") + comment(paragraph);
  for (const auto& type : section_types()) {
    out += "\n\n" + comment(type.help);
    if (!type.built_in) out += comment("Not built in yet: checked, but without effect.");
    if (type.name != "main") out += '#';
    out += header(type.name, type.named ? "NAME" : "");
    for (const auto& setting : settings()) {
      if (setting.section != type.name) continue;
      out += '\n' + comment(setting.help);
      if (!setting.built_in) out += comment("Not built in yet.");
      if (type.built_in && setting.on_reload == OnReload::sealed) out += comment("A change takes effect at a restart.");
      out += '#' + assignment(setting.name, setting.sample);
    }
  }
  return out;
}

Changes changes(const Config& running, const Config& fresh) {
  Changes result{fresh, {}};
  for (const auto& setting : settings()) {
    if (setting.on_reload == OnReload::applies) continue;
    const auto runs = setting.show(running, 0);
    if (runs == setting.show(fresh, 0)) continue;
    const auto kept = setting.set(result.config, 0, runs);
    assert(kept);  // what show() shows, set() takes
    static_cast<void>(kept);
    result.sealed.push_back(fmt::format("{}.{}", setting.section, setting.name));
  }
  return result;
}

}  // namespace policymux
