#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <tuple>

#include "base/text.h"
#include "config/config.h"
#include "config/ini_file.h"
#include "config/settings.h"

namespace policymux {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view our_path = "/etc/policymux/main.conf";
constexpr std::string_view apolicy_path = "/etc/apolicy/main.conf";
constexpr std::string_view apolicy_policy_path = "/etc/apolicy/policy.conf";

// Turns sections of text into a Config. One use.
class Loader {
 public:
  Loader(const std::string& path, ConfigDialect dialect, Diagnostics& diagnostics, const ValueChecks& checks)
      : path_{path}, dialect_{dialect}, diagnostics_{diagnostics}, checks_{checks} {}

  Config run(const std::vector<IniSection>& file) {
    for (const auto& section : file) {
      if (!is_for_all(section)) load(section);
    }
    for (auto section = file.rbegin(); section != file.rend(); ++section) {
      if (is_for_all(*section)) apply_to_all(*section);
    }
    for (const auto& section : opened_) report_missing(section);
    settle_policy_path();
    settle_deadlines();
    check_tiers();
    check_listeners();
    check_others();
    check_effects();
    check_members();
    check_mirrors();
    check_networks();
    check_actions();
    check_balances();
    check_programs();
    return std::move(config_);
  }

 private:
  // A section of the file and what became of it.
  struct Opened {
    const SectionType* type;
    std::size_t index;
    const IniSection* source;  // the first of that name
  };
  // A setting that the file sets.
  struct Given {
    const Setting* setting;
    std::size_t index;
    const IniEntry* entry;
  };

  // ---- sections ----

  void load(const IniSection& section) {
    const auto opened = open(section);
    if (!opened) return;
    std::vector<const IniEntry*> seen;
    for (const auto& entry : section.entries) {
      report_repeated(entry, seen);
      seen.push_back(&entry);
      apply(*opened, entry);
    }
  }

  // ConfigParser's [DEFAULT]: what a section does not set itself, be it above or below.
  bool is_for_all(const IniSection& section) const {
    return dialect_ == ConfigDialect::apolicy && section.name == "DEFAULT";
  }

  void apply_to_all(const IniSection& defaults) {
    find_or_add(*find_section("main"), {}, defaults);
    for (auto entry = defaults.entries.rbegin(); entry != defaults.entries.rend(); ++entry) {
      if (!is_key(entry->key)) {
        report(Severity::warning, entry->line, 1, fmt::format("unknown setting '{}' in [DEFAULT]", entry->key));
      }
      for (const auto& section : opened_) {
        const auto name = section.type->name;
        const bool wanted = find_setting(name, entry->key) && !find_given(name, entry->key, section.index);
        if (wanted) apply(section, *entry);
      }
    }
  }

  static bool is_key(std::string_view name) {
    const auto all = settings();
    return std::any_of(all.begin(), all.end(), [name](const Setting& setting) { return setting.name == name; });
  }

  std::optional<Opened> open(const IniSection& section) {
    const auto words = split_words(section.name);
    const auto* type = words.empty() ? nullptr : find_section(words[0]);
    if (type == nullptr) return report_unknown(section, words);
    if (!type->named && words.size() > 1) return reject(section, fmt::format("[{}] takes no name", type->name));
    if (type->named && words.size() == 1) {
      return reject(section, fmt::format("want a name, as in [{} NAME]", type->name));
    }
    if (type->named && (words.size() > 2 || !is_name(words[1]))) {
      return reject(section, "a section's name is one word of letters, digits, '_', '.' and '-'");
    }
    if (!type->built_in) warn_once(*type, section);
    return find_or_add(*type, type->named ? words[1] : std::string_view{}, section);
  }

  std::nullopt_t report_unknown(const IniSection& section, const std::vector<std::string_view>& words) {
    std::vector<std::string_view> names;
    for (const auto& type : section_types()) names.push_back(type.name);
    const auto meant = words.empty() ? std::nullopt : nearest(words[0], names);
    report(doubt_in_apolicy(), section.line, 1, fmt::format("unknown section [{}]", section.name),
           meant ? did_you_mean(*meant) : std::string{});
    return std::nullopt;
  }

  std::nullopt_t reject(const IniSection& section, std::string what) {
    report(Severity::error, section.line, 1, std::move(what));
    return std::nullopt;
  }

  Opened find_or_add(const SectionType& type, std::string_view name, const IniSection& section) {
    const auto* same = find_opened(type.name, name);
    if (same == nullptr) return opened_.emplace_back(Opened{&type, type.open(config_, name), &section});
    if (dialect_ == ConfigDialect::policymux) {
      report(Severity::error, section.line, 1,
             fmt::format("[{}] a second time: the first is in line {}", section.name, same->source->line.number));
    }
    return *same;
  }

  void warn_once(const SectionType& type, const IniSection& section) {
    const bool seen = std::any_of(opened_.begin(), opened_.end(), [&](const Opened& o) { return o.type == &type; });
    if (!seen) report(Severity::warning, section.line, 1, fmt::format("not built in yet: [{}]", type.name));
  }

  // ---- settings ----

  void apply(const Opened& section, const IniEntry& entry) {
    const auto* setting = find_setting(section.type->name, entry.key);
    if (setting == nullptr) return apply_unknown(section, entry);
    const auto set = setting->set(config_, section.index, entry.value);
    if (!set) {
      report(Severity::error, entry.line, entry.value_column, fmt::format("{}: {}", entry.key, set.error()));
    } else if (!setting->built_in) {
      report(Severity::warning, entry.line, 1, fmt::format("not built in yet: {}", entry.key));
    }
    given_.push_back({setting, section.index, &entry});
  }

  void apply_unknown(const Opened& section, const IniEntry& entry) {
    if (section.type->open_ended) {
      config_.tables[section.index].options.emplace_back(entry.key, entry.value);
      return;
    }
    report(doubt_in_apolicy(), entry.line, 1,
           fmt::format("unknown setting '{}' in [{}]", entry.key, section.type->name), hint_for(section, entry));
  }

  static std::string hint_for(const Opened& section, const IniEntry& entry) {
    std::vector<std::string_view> names;
    for (const auto& setting : settings()) {
      if (setting.section == section.type->name) names.push_back(setting.name);
    }
    if (const auto name = nearest(entry.key, names)) return did_you_mean(*name);
    for (const auto& setting : settings()) {
      if (setting.name == entry.key) return fmt::format("it is a setting of [{}]", setting.section);
    }
    return {};
  }

  void report_repeated(const IniEntry& entry, const std::vector<const IniEntry*>& seen) {
    const auto first = std::find_if(seen.begin(), seen.end(), [&](const auto* e) { return e->key == entry.key; });
    if (first == seen.end()) return;
    const auto what = fmt::format("{} a second time: the first is in line {}", entry.key, (*first)->line.number);
    const bool apolicy = dialect_ == ConfigDialect::apolicy;
    report(doubt_in_apolicy(), entry.line, 1, apolicy ? what + "; this one counts" : what);
  }

  void report_missing(const Opened& section) {
    for (const auto& setting : settings()) {
      if (!setting.required || setting.section != section.type->name) continue;
      if (find_given(setting.section, setting.name, section.index) != nullptr) continue;
      report(Severity::error, section.source->line, 1,
             fmt::format("[{}] wants a setting '{}'", section.source->name, setting.name));
    }
  }

  // ---- what concerns more than one setting ----

  void settle_policy_path() {
    auto& policy = config_.main.policy_path;
    const bool given = find_given("main", "policy_path") != nullptr;
    if (!given && dialect_ == ConfigDialect::apolicy) policy = apolicy_policy_path;
    else if (!given) policy = "policy.conf";
    std::error_code unknown_directory;  // then the path stays relative
    const auto beside = fs::path{path_}.parent_path() / policy;
    const auto absolute = fs::absolute(beside, unknown_directory);
    policy = (unknown_directory ? beside : absolute).lexically_normal().string();
  }

  void settle_deadlines() {
    for (std::size_t i = 0; i < config_.groups.size(); ++i) {
      auto& deadline = config_.groups[i].deadline;
      if (deadline <= config_.main.deadline) continue;
      if (const auto* entry = find_given("group", "deadline", i)) {
        report(Severity::error, entry->line, entry->value_column,
               fmt::format("deadline: \"{}\": want at most the deadline of [main], {}", entry->value,
                           format_duration(config_.main.deadline)));
      }
      deadline = config_.main.deadline;
    }
  }

  // Services of one priority are tried one after the other, then those of the next.
  void check_tiers() {
    std::map<std::string_view, std::vector<const Config::Service*>> members;
    for (const auto& service : config_.services) members[service.group].push_back(&service);
    for (auto& [name, services] : members) {
      const auto* given = find_opened("group", name);
      Config::Group group;
      if (given != nullptr) group = config_.groups[given->index];
      else given = find_opened("service", services.front()->name);
      group.deadline = std::min(group.deadline, config_.main.deadline);
      const auto longest = longest_wait(services, group.retries);
      if (longest <= group.deadline) continue;
      report(Severity::warning, given->source->line, 1,
             fmt::format("group {}: the time-outs of its services add up to {}, more than its deadline of {}", name,
                         format_duration(longest), format_duration(group.deadline)));
    }
  }

  // Until the last try has timed out; of one priority the slowest may come first.
  static milliseconds longest_wait(std::vector<const Config::Service*>& services,
                                   std::optional<std::uint32_t> retries) {
    std::sort(services.begin(), services.end(), [](const auto* a, const auto* b) {
      return std::tie(a->priority, b->timeout) < std::tie(b->priority, a->timeout);
    });
    const auto tries = std::min(services.size(), retries ? std::size_t{*retries} + 1 : services.size());
    milliseconds sum{};
    for (std::size_t i = 0; i < tries; ++i) sum += services[i]->timeout;
    return sum;
  }

  void check_listeners() {
    const auto& listen = config_.main.listen;
    for (auto at = listen.begin(); at != listen.end(); ++at) {
      if (std::find(listen.begin(), at, *at) == at) continue;
      if (const auto* entry = find_given("main", "listen")) {
        report(Severity::error, entry->line, entry->value_column, fmt::format("listen: {} twice", to_string(*at)));
      }
    }
  }

  // What may not be one of our own listeners.
  void check_others() {
    const auto check = [this](std::string_view section, std::string_view name, std::size_t index, const Endpoint& at) {
      const auto* entry = find_given(section, name, index);
      if (entry == nullptr || !is_ours(at)) return;
      report(Severity::error, entry->line, entry->value_column,
             fmt::format("{}: {} is one of our own listeners", name, to_string(at)));
    };
    for (std::size_t i = 0; i < config_.services.size(); ++i) {
      const auto* address = std::get_if<Endpoint>(&config_.services[i].address);
      if (address != nullptr) check("service", "address", i, *address);
    }
    check("admin", "socket", 0, {.kind = Endpoint::Kind::local, .path = config_.admin.socket});
  }

  // What is for programs, and what is for all others.
  void check_effects() {
    struct Kind {
      std::string_view setting;
      bool of_programs;
    };
    static constexpr Kind kinds[] = {
        {"workers", true}, {"directory", true}, {"environment", true}, {"max_connections", false}};
    for (std::size_t i = 0; i < config_.services.size(); ++i) {
      const auto* address = find_given("service", "address", i);
      if (address == nullptr) continue;
      const bool is_program = address->value.starts_with("exec:");
      for (const auto& kind : kinds) {
        const auto* entry = find_given("service", kind.setting, i);
        if (entry == nullptr || kind.of_programs == is_program) continue;
        report(Severity::warning, entry->line, 1,
               fmt::format("{}: without effect: the address is {}exec:", kind.setting, is_program ? "" : "not "));
      }
    }
  }

  void check_members() {
    for (const auto& group : config_.groups) {
      if (std::ranges::find(config_.services, group.name, &Config::Service::group) != config_.services.end()) continue;
      report(Severity::warning, find_opened("group", group.name)->source->line, 1,
             fmt::format("group {}: no service is in it: only its default_action will answer", group.name));
    }
  }

  void check_mirrors() {
    for (std::size_t i = 0; i < config_.groups.size(); ++i) {
      const auto& group = config_.groups[i];
      const auto* entry = find_given("group", "mirror", i);
      if (entry == nullptr || group.mirror.empty() || (group.mirror != group.name && is_group(group.mirror))) continue;
      report(Severity::error, entry->line, entry->value_column,
             fmt::format("mirror: \"{}\": want another group", group.mirror) +
                 (group.mirror == group.name ? "" : "; there is none of this name"));
    }
  }

  bool is_group(std::string_view name) const {
    return std::ranges::any_of(config_.groups, [name](const auto& group) { return group.name == name; }) ||
           std::ranges::any_of(config_.services, [name](const auto& service) { return service.group == name; });
  }

  bool is_ours(const Endpoint& address) const {
    return std::any_of(config_.main.listen.begin(), config_.main.listen.end(),
                       [&](const Endpoint& listener) { return reaches(address, listener); });
  }

  // ---- what rooms above judge ----

  void check_networks() {
    const auto* entry = find_given("main", "allow");
    if (entry == nullptr || !checks_.network) return;
    for (const auto& network : config_.main.allow) {
      if (const auto flaw = checks_.network(network)) {
        report(Severity::error, entry->line, column_of(network, *entry), "allow: " + *flaw);
      }
    }
  }

  void check_actions() {
    if (!checks_.action) return;
    for (std::size_t i = 0; i < config_.groups.size(); ++i) {
      const auto* entry = find_given("group", "default_action", i);
      if (entry == nullptr) continue;
      if (const auto flaw = checks_.action(config_.groups[i].default_action, config_.main.restriction_classes)) {
        report(Severity::error, entry->line, entry->value_column, "default_action: " + *flaw);
      }
    }
  }

  // By what no request has they are all alike.
  void check_balances() {
    if (checks_.attributes.empty()) return;
    for (std::size_t i = 0; i < config_.groups.size(); ++i) {
      const auto& [by, attribute] = config_.groups[i].balance;
      const auto* entry = find_given("group", "balance", i);
      if (entry == nullptr || by != Config::Balance::By::hash) continue;
      if (std::ranges::find(checks_.attributes, attribute) != checks_.attributes.end()) continue;
      const auto meant = nearest(to_lower(attribute), checks_.attributes);
      report(meant ? Severity::error : Severity::warning, entry->line, entry->value_column,
             fmt::format("balance: Postfix sends no attribute '{}'", attribute),
             meant ? did_you_mean(*meant) : "requests without it are spread by weight");
    }
  }

  // What a chroot will hide or show cannot be seen from here.
  void check_programs() {
    if (!checks_.program || !config_.main.chroot.empty()) return;
    for (std::size_t i = 0; i < config_.services.size(); ++i) {
      const auto& service = config_.services[i];
      const auto* entry = find_given("service", "address", i);
      if (entry == nullptr || !std::holds_alternative<Config::Command>(service.address)) continue;
      if (const auto flaw = checks_.program(service)) {
        report(Severity::warning, entry->line, entry->value_column, "address: " + *flaw);
      }
    }
  }

  // ---- helpers ----

  // Of a word in a list; of the list where the word is in a continuation line.
  static int column_of(std::string_view word, const IniEntry& list) {
    const auto at = list.line.text.find(word, static_cast<std::size_t>(list.value_column - 1));
    return at == std::string::npos ? list.value_column : static_cast<int>(at) + 1;
  }

  const Opened* find_opened(std::string_view type, std::string_view name) const {
    const auto at = std::find_if(opened_.begin(), opened_.end(), [&](const Opened& o) {
      return o.type->name == type && o.type->name_of(config_, o.index) == name;
    });
    return at == opened_.end() ? nullptr : &*at;
  }

  const IniEntry* find_given(std::string_view section, std::string_view name, std::size_t index = 0) const {
    const auto at = std::find_if(given_.rbegin(), given_.rend(), [&](const Given& g) {
      return g.index == index && g.setting->section == section && g.setting->name == name;
    });
    return at == given_.rend() ? nullptr : at->entry;
  }

  Severity doubt_in_apolicy() const {
    return dialect_ == ConfigDialect::apolicy ? Severity::warning : Severity::error;
  }

  void report(Severity severity, const IniLine& line, int column, std::string what, std::string hint = {}) {
    diagnostics_.push_back({severity, {path_, line.number, column, std::move(what)}, line.text, std::move(hint)});
  }

  const std::string& path_;
  const ConfigDialect dialect_;
  Diagnostics& diagnostics_;
  const ValueChecks& checks_;
  Config config_;
  std::vector<Opened> opened_;
  std::vector<Given> given_;
};

// The whole file, or why not.
Result<std::string> read_file(const std::string& path) {
  constexpr std::size_t limit = 1024 * 1024;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{std::fopen(path.c_str(), "re"), std::fclose};
  if (!file) return Unexpected{Error{.file = path, .text = fmt::format("cannot open: {}", std::strerror(errno))}};
  std::string text(limit + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) {
    return Unexpected{Error{.file = path, .text = fmt::format("cannot read: {}", std::strerror(errno))}};
  }
  if (text.size() > limit) return Unexpected{Error{.file = path, .text = "more than 1 MiB is no main.conf"}};
  return text;
}

ConfigDialect dialect_of(std::string_view path) {
  return fs::path{path}.lexically_normal() == apolicy_path ? ConfigDialect::apolicy : ConfigDialect::policymux;
}

}  // namespace

std::optional<ConfigPlace> find_config(std::string_view given, const std::function<const char*(const char*)>& getenv,
                                       const std::function<bool(const std::string&)>& exists) {
  const auto variable = [&](const char* name) -> std::string_view {
    const char* value = getenv(name);
    return value == nullptr ? "" : value;
  };
  for (const auto path : {given, variable("POLICYMUX_CONFIG")}) {
    if (!path.empty()) return ConfigPlace{std::string{path}, dialect_of(path)};
  }
  if (const auto path = variable("APOLICY_CONFIG_PATH"); !path.empty()) {
    return ConfigPlace{std::string{path}, ConfigDialect::apolicy};
  }
  for (const auto path : {our_path, apolicy_path}) {
    if (exists(std::string{path})) return ConfigPlace{std::string{path}, dialect_of(path)};
  }
  return std::nullopt;
}

std::optional<ConfigPlace> find_config(std::string_view given) {
  const auto exists = [](const std::string& path) {
    std::error_code error;  // what we may not look at is there: reading it will say why not
    return fs::status(path, error).type() != fs::file_type::not_found;
  };
  return find_config(given, [](const char* name) -> const char* { return std::getenv(name); }, exists);
}

Config default_config() {
  Diagnostics none;
  return *parse_config("", std::string{our_path}, ConfigDialect::policymux, none);
}

std::optional<Config> parse_config(std::string_view text, const std::string& path, ConfigDialect dialect,
                                   Diagnostics& diagnostics, const ValueChecks& checks) {
  Diagnostics found;
  const auto file = read_ini(text, path, dialect, found);
  auto config = Loader{path, dialect, found, checks}.run(file);
  std::stable_sort(found.begin(), found.end(),
                   [](const Diagnostic& a, const Diagnostic& b) { return a.what.line < b.what.line; });
  const bool failed = has_errors(found);
  diagnostics.insert(diagnostics.end(), std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
  if (failed) return std::nullopt;
  return config;
}

std::optional<Config> load_config(const ConfigPlace& place, Diagnostics& diagnostics, const ValueChecks& checks) {
  const auto text = read_file(place.path);
  if (text) return parse_config(*text, place.path, place.dialect, diagnostics, checks);
  diagnostics.push_back({.what = text.error()});
  return std::nullopt;
}

}  // namespace policymux
